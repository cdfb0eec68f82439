// SPDX-License-Identifier: MIT
#include "libfiona/anonymize/deidentified_studies.h"
#include "libfiona/base/error.h"
#include "libfiona/cli/redcap_run.h"
#include "libfiona/cli/tool.h"
#include "libfiona/routing/populate_incoming.h"
#include "libfiona/routing/populate_report.h"

#include <chrono>
#include <optional>

int main(int argc, char** argv)
{
    using namespace fiona;

    cli::Tool tool{
        "fiona-populate-incoming",
        "Record the studies of the archive in REDCap, and request those whose project is known.",
        "fiona-populate-incoming --dry-run"};
    tool.with_dry_run();
    std::optional<std::string> project;
    tool.options().add_option("--project,--importAll", project,
                              "ask the routing rules for this project about every study again");
    const cli::RedcapRun redcap_run{tool};

    return tool.run(argc, argv, [&] {
        const auto started = std::chrono::steady_clock::now();
        const auto& config = tool.config();
        redcap_run([&](routing::Redcaps& redcaps) {
            using redcap::Role;
            anonymize::DeidentifiedStudies ours{
                config.paths.keys(),
                [&] { return redcap::MappedUids::read(redcaps.at(Role::incoming)); }};
            // Coupling list and routing rules are used where the site has tokens for them.
            const auto report = routing::populate_incoming(
                {redcaps.at(Role::incoming), redcaps.find(Role::coupling),
                 redcaps.find(Role::routing),
                 [&]() -> redcap::Client& { return redcaps.at(Role::dtp); },
                 [&](const StudyUid& study) { return ours.knows(study); }},
                config, Clock::now(), tool.mode(), project);
            const std::chrono::duration<double> elapsed =
                std::chrono::steady_clock::now() - started;
            const auto traffic = redcaps.traffic();
            tool.report(routing::as_document(report, traffic, elapsed.count()),
                        routing::as_lines(report, traffic, tool.mode(), elapsed.count()));
            const auto conflicts = report.conflicts.size() + report.old_conflicts;
            if (!report.refused.empty() || report.unreadable_series > 0 || conflicts > 0
                || !report.disabled_rules.empty()) {
                throw Error{
                    Fault::data,
                    "{} studies refused by REDCap, {} series JSON unreadable, {} requests in "
                    "conflict, {} routing rules disabled; all others are done",
                    report.refused.size(),
                    report.unreadable_series,
                    conflicts,
                    report.disabled_rules.size()};
            }
        });
    });
}
