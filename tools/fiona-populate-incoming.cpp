// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/base/log.h"
#include "libfiona/cli/tool.h"
#include "libfiona/redcap/circuit.h"
#include "libfiona/redcap/mirror.h"
#include "libfiona/routing/populate_incoming.h"

#include <chrono>

namespace {

using fiona::json::Array;
using fiona::json::Object;

/// Studies are named by their tags: the result may be mailed by cron.
fiona::json::Value as_document(const fiona::routing::PopulateReport& report,
                               const fiona::redcap::Traffic& traffic, double seconds)
{
    Array written;
    for (const auto& study : report.written) {
        written.emplace_back(fiona::log::uid_tag(study.str()));
    }
    Array refused;
    for (const auto& refusal : report.refused) {
        refused.emplace_back(Object{{"study", fiona::log::uid_tag(refusal.study.str())},
                                    {"reason", fiona::log::without_uids(refusal.reason)}});
    }
    return Object{{"studies", report.studies},
                  {"waiting", report.waiting},
                  {"deidentified", report.deidentified},
                  {"unchanged", report.unchanged},
                  {"written", written},
                  {"series_rows", report.series_rows},
                  {"refused", refused},
                  {"unreadable_series", report.unreadable_series},
                  {"calls", traffic.calls},
                  {"bytes_sent", traffic.bytes_sent},
                  {"bytes_received", traffic.bytes_received},
                  {"rows_read", traffic.rows_read},
                  {"rows_written", traffic.rows_written},
                  {"seconds", seconds}};
}

std::vector<std::string> as_lines(const fiona::routing::PopulateReport& report,
                                  const fiona::redcap::Traffic& traffic, fiona::Mode mode,
                                  double seconds)
{
    return {fmt::format("{} studies: {} {} ({} series), {} unchanged, {} waiting, {} refused; "
                        "{} calls, {} rows read, {} rows written, {:.1f} s",
                        report.studies, report.written.size(),
                        mode == fiona::Mode::apply ? "recorded" : "would be recorded",
                        report.series_rows, report.unchanged, report.waiting, report.refused.size(),
                        traffic.calls, traffic.rows_read, traffic.rows_written, seconds)};
}

} // namespace

int main(int argc, char** argv)
{
    using namespace fiona;

    cli::Tool tool{"fiona-populate-incoming",
                   "Record the studies and series of the archive in the REDCap project Incoming.",
                   "fiona-populate-incoming --dry-run"};
    tool.with_dry_run();
    bool look_now = false;
    tool.options().add_flag("--now", look_now,
                            "ask REDCap itself, however young the copy of it is");

    return tool.run(argc, argv, [&] {
        const auto started = std::chrono::steady_clock::now();
        const auto& config = tool.config();
        tool.run_alone();
        if (tool.mode() == Mode::apply
            && redcap::is_resting(config.redcap, redcap::Role::incoming, Clock::now())) {
            return;
        }
        const auto client =
            redcap::open(config.redcap, redcap::Role::incoming, tool.mode(),
                         look_now ? redcap::Freshness::now : redcap::Freshness::usual);
        const auto report = routing::populate_incoming(*client, config, Clock::now(), tool.mode());
        const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - started;
        const auto traffic = client->traffic();
        tool.report(as_document(report, traffic, elapsed.count()),
                    as_lines(report, traffic, tool.mode(), elapsed.count()));
        if (!report.refused.empty() || report.unreadable_series > 0) {
            throw Error{Fault::data,
                        "{} studies refused by REDCap, {} series JSON unreadable; the "
                        "others are recorded",
                        report.refused.size(), report.unreadable_series};
        }
    });
}
