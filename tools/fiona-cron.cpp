// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/cli/tool.h"
#include "libfiona/notify/mailer.h"
#include "libfiona/triggers/dispatcher.h"

#include <memory>

namespace {

using namespace fiona;

struct Words {
    std::optional<std::filesystem::path> links;
    std::optional<std::filesystem::path> users;
    std::optional<std::filesystem::path> state;
    std::optional<std::string> link;
    std::optional<unsigned> time_limit;
    bool resends = false;
};

triggers::Wishes wishes_of(const Words& words, const Config& config, Mode mode)
{
    auto wishes = triggers::wishes_of(config);
    wishes.links = words.links.value_or(wishes.links);
    wishes.users = words.users.value_or(wishes.users);
    wishes.state = words.state.value_or(wishes.state);
    wishes.only = words.link;
    wishes.time_limit =
        words.time_limit ? std::chrono::seconds{*words.time_limit} : wishes.time_limit;
    wishes.set_aside =
        words.resends ? triggers::Wishes::SetAside::resend : triggers::Wishes::SetAside::leave;
    wishes.mode = mode;
    return wishes;
}

/// A site without a mail server finds out when there is a mail.
triggers::Send send_by(const Config& config)
{
    const auto mailer = std::make_shared<std::unique_ptr<notify::Mailer>>();
    return [mailer, smtp = config.smtp](const notify::Mail& mail) {
        if (!*mailer) {
            *mailer = std::make_unique<notify::Mailer>(smtp);
        }
        return (*mailer)->send(mail, Clock::now());
    };
}

void show(const cli::Tool& tool, const triggers::Report& report)
{
    json::Array links;
    std::vector<std::vector<std::string>> rows;
    for (const auto& link : report.links) {
        links.push_back(json::Object{{"id", link.id},
                                     {"event", link.event},
                                     {"outcome", link.outcome},
                                     {"detail", link.detail},
                                     {"sent", link.sent}});
        rows.push_back({"link " + link.id, link.event, link.outcome, link.detail});
    }
    auto lines = cli::table(rows);
    lines.push_back(fmt::format("{} {}, waiting {}, set aside {}, failed {}",
                                tool.mode() == Mode::dry_run ? "would send" : "sent", report.sent,
                                report.waiting, report.set_aside, report.failed));
    tool.report(json::Object{{"links", std::move(links)},
                             {"sent", report.sent},
                             {"waiting", report.waiting},
                             {"set_aside", report.set_aside},
                             {"failed", report.failed}},
                lines);
}

} // namespace

int main(int argc, char** argv)
{
    cli::Tool tool{"fiona-cron", "mail users what they have asked to be told of",
                   "fiona-cron --dry-run"};
    tool.with_dry_run();
    Words words;
    auto& options = tool.options();
    options.add_option("--links", words.links, "the links (else User/asttt/code/links.json)");
    options.add_option("--users", words.users, "the users and their addresses");
    options.add_option("--state", words.state, "directory of what was mailed");
    options.add_option("--link", words.link, "only the link of this id");
    options.add_option("--time-limit", words.time_limit, "seconds of one event or action program")
        ->check(CLI::Range(1U, 3600U));
    options.add_flag("--resend", words.resends,
                     "send again what may have been delivered, or was refused too often");

    return tool.run(argc, argv, [&] {
        const auto& config = tool.config();
        if (tool.mode() == Mode::apply) {
            tool.run_alone();
        }
        const auto report = triggers::run_links(wishes_of(words, config, tool.mode()),
                                                send_by(config), Clock::now());
        show(tool, report);
        if (report.worst) {
            throw Error{*report.worst, "{} links could not be handled; the rest is done",
                        report.failed};
        }
    });
}
