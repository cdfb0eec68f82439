// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/cli/tool.h"
#include "libfiona/outbox/courier.h"

namespace {

using namespace fiona;

struct Words {
    std::optional<std::filesystem::path> outbox;
    std::optional<std::filesystem::path> done;
    std::optional<std::string> remote;
    std::optional<std::filesystem::path> identity;
    std::optional<std::filesystem::path> known_hosts;
    std::optional<std::uint64_t> limit_rate;
    std::optional<unsigned> max_time;
    bool is_now = false;
};

outbox::Wishes wishes_of(const Words& words, const Config& config, Mode mode)
{
    outbox::Wishes wishes;
    wishes.outbox = words.outbox.value_or(config.paths.data / "outbox");
    wishes.done = words.done.value_or(config.paths.data / "DAIC");
    wishes.server = config.sftp;
    auto& server = wishes.server;
    server.remote = words.remote.value_or(server.remote);
    server.key_file = words.identity.value_or(server.key_file);
    server.known_hosts = words.known_hosts.value_or(server.known_hosts);
    server.bytes_per_second = words.limit_rate.value_or(server.bytes_per_second);
    server.time_limit = words.max_time ? std::chrono::seconds{*words.max_time} : server.time_limit;
    wishes.rest = words.is_now ? outbox::Wishes::Rest::ignore : outbox::Wishes::Rest::respect;
    wishes.mode = mode;
    return wishes;
}

void show(const cli::Tool& tool, const outbox::Report& report)
{
    json::Array items;
    std::vector<std::vector<std::string>> rows;
    for (const auto& item : report.items) {
        items.push_back(json::Object{{"item", item.item},
                                     {"outcome", item.outcome},
                                     {"detail", item.detail},
                                     {"bytes", item.bytes}});
        rows.push_back({item.item, item.outcome, item.detail});
    }
    auto lines = cli::table(rows);
    lines.push_back(fmt::format(
        "confirmed {}, sent {}, waiting {}, corrupt {}, failed {}, bytes {}", report.confirmed,
        report.sent, report.waiting, report.corrupt, report.failed, report.bytes_sent));
    tool.report(json::Object{{"items", std::move(items)},
                             {"confirmed", report.confirmed},
                             {"sent", report.sent},
                             {"waiting", report.waiting},
                             {"corrupt", report.corrupt},
                             {"failed", report.failed},
                             {"bytes_sent", report.bytes_sent}},
                lines);
}

} // namespace

int main(int argc, char** argv)
{
    cli::Tool tool{"fiona-send-files", "bring the files of the outbox to a partner's server",
                   "fiona-send-files --project GLIOMA --dry-run"};
    tool.with_dry_run().with_project();
    Words words;
    auto& options = tool.options();
    options.add_option("--outbox", words.outbox, "what is to be sent (else <data>/outbox)");
    options.add_option("--done", words.done, "where confirmed files go (else <data>/DAIC)");
    options.add_option("--remote", words.remote, "directory on the server (else fiona/outbox)");
    options.add_option("--identity", words.identity, "our private key");
    options.add_option("--known-hosts", words.known_hosts, "the keys of servers we trust");
    options.add_option("--limit-rate", words.limit_rate, "bytes a second at most; 0: no limit");
    options.add_option("--max-time-s", words.max_time, "end the run after so many seconds")
        ->check(CLI::Range(1U, 86'400U));
    options.add_flag("--now", words.is_now, "try also what failed a short while ago");

    return tool.run(argc, argv, [&] {
        const auto& config = tool.config();
        if (tool.mode() == Mode::apply) {
            tool.run_alone();
        }
        const auto report =
            outbox::empty_outbox(wishes_of(words, config, tool.mode()), Clock::now());
        show(tool, report);
        if (report.worst) {
            throw Error{*report.worst, "{} items are set aside, {} failed; the rest is done",
                        report.corrupt, report.failed};
        }
    });
}
