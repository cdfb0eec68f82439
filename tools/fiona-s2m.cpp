// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/cli/progress.h"
#include "libfiona/cli/tool.h"
#include "libfiona/dicom/library.h"
#include "libfiona/ingest/send_to_me.h"

using namespace fiona;

namespace {

struct Words {
    std::string target;
    std::optional<unsigned> days;
    std::optional<std::string> called, calling;
    bool is_local = false;
};

std::string check_ae_title(const std::string& text)
{
    try {
        static_cast<void>(AeTitle{text});
        return {};
    } catch (const Error& e) {
        return e.what();
    }
}

ingest::Files files_of(const Config& config, const Words& words)
{
    if (words.target == "last" && words.days) {
        return ingest::recent_files(config, Clock::now(), std::chrono::hours{24} * *words.days);
    }
    if (words.target == "last" || words.days) {
        throw Error{Fault::usage, "expected DIR, PATIENTID, or `last` and a number of days; write "
                                  "./last for a directory of that name"};
    }
    if (std::filesystem::exists(words.target)) {
        return ingest::files_below(words.target);
    }
    return ingest::files_of_patient(config, Private<std::string>{words.target});
}

void announce(const cli::Tool& tool, const Config& config, const ingest::Files& files,
              const ingest::AeOverrides& overrides)
{
    std::optional<cli::Progress> progress;
    progress.emplace(tool, "announcing", files.size());
    const auto done =
        ingest::announce_files(config, files, overrides, tool.mode(), [&] { progress->advance(); });
    progress.reset();
    tool.report(json::Object{{"files", files.size()},
                             {"announced", done.announced},
                             {"waiting", done.waiting},
                             {"skipped", done.skipped},
                             {"unreadable", done.unreadable}},
                {fmt::format("announced {}, waiting already {}, skipped {}, unreadable {}",
                             done.announced, done.waiting, done.skipped, done.unreadable)});
    if (done.unreadable > 0) {
        throw Error{Fault::data, "{} files cannot be read", done.unreadable};
    }
}

void send(const cli::Tool& tool, const Config& config, const ingest::Files& files,
          const ingest::AeOverrides& overrides)
{
    std::optional<cli::Progress> progress;
    progress.emplace(tool, "reading", files.size());
    const auto advance = [&] { progress->advance(); };
    const auto shipment = ingest::sort_by_ae(config, files, overrides, advance);
    progress.emplace(tool, "sending", files.size() - shipment.skipped - shipment.unreadable);
    const bool is_real = tool.mode() == Mode::apply;
    const auto sent = is_real ? ingest::send_to_me(config, shipment, advance) : ingest::Sent{};
    progress.reset();

    json::Array associations;
    std::vector<std::vector<std::string>> rows;
    for (const auto& [pair, objects] : shipment.files) {
        associations.push_back(json::Object{
            {"called", pair.called}, {"calling", pair.calling}, {"files", objects.size()}});
        rows.push_back({"from " + pair.calling, "to " + pair.called,
                        fmt::format("{} objects", objects.size())});
    }
    auto lines = cli::table(rows);
    lines.push_back(is_real ? fmt::format(
                        "stored {}, refused {}, failed {}, skipped {}, unreadable {}", sent.stored,
                        sent.refused, sent.failed, shipment.skipped, shipment.unreadable)
                            : fmt::format("nothing sent, skipped {}, unreadable {}",
                                          shipment.skipped, shipment.unreadable));
    tool.report(json::Object{{"files", files.size()},
                             {"associations", std::move(associations)},
                             {"stored", sent.stored},
                             {"refused", sent.refused},
                             {"failed", sent.failed},
                             {"skipped", shipment.skipped},
                             {"unreadable", shipment.unreadable}},
                lines);
    if (sent.refused + shipment.unreadable > 0) {
        throw Error{Fault::data, "{} objects were refused, {} files cannot be read", sent.refused,
                    shipment.unreadable};
    }
    if (sent.failed > 0) {
        throw Error{Fault::temporary, "{} objects were not stored; send them again", sent.failed};
    }
}

} // namespace

int main(int argc, char** argv)
{
    cli::Tool tool{"fiona-s2m", "send objects from disk to the receiver of this site",
                   "fiona-s2m last 2 --dry-run"};
    tool.with_dry_run().with_project();
    Words words;
    auto& options = tool.options();
    options.add_option("TARGET", words.target, "a directory, a PatientID, or `last`")->required();
    options.add_option("DAYS", words.days, "of `last`: studies with a file of so many days")
        ->check(CLI::Range(1U, 36'500U));
    const CLI::Validator ae_title{check_ae_title, "AE"};
    options.add_option("--aec", words.called, "called AE title, else of each file")
        ->check(ae_title);
    options.add_option("--aet", words.calling, "calling AE title, else of each file")
        ->check(ae_title);
    options.add_flag("--local", words.is_local,
                     "only announce files of the archive to the processor");

    return tool.run(argc, argv, [&] {
        const dicom::Library library;
        const auto& config = tool.config();
        ingest::AeOverrides overrides;
        if (words.called) {
            overrides.called.emplace(*words.called);
        }
        if (words.calling) {
            overrides.calling.emplace(*words.calling);
        }
        const auto files = files_of(config, words);
        (words.is_local ? announce : send)(tool, config, files, overrides);
    });
}
