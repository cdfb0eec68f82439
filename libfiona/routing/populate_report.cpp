// SPDX-License-Identifier: MIT
#include "libfiona/routing/populate_report.h"

#include "libfiona/base/log.h"

namespace fiona::routing {

json::Value as_document(const PopulateReport& report, const redcap::Traffic& traffic,
                        double seconds)
{
    json::Array written;
    for (const auto& study : report.written) {
        written.emplace_back(log::uid_tag(study.str()));
    }
    json::Array refused;
    for (const auto& refusal : report.refused) {
        refused.emplace_back(json::Object{{"study", log::uid_tag(refusal.study.str())},
                                          {"reason", log::without_uids(refusal.reason)}});
    }
    json::Array requested;
    for (const auto& request : report.requested) {
        requested.emplace_back(json::Object{{"study", log::uid_tag(request.study.str())},
                                            {"project", request.project},
                                            {"source", request.source}});
    }
    json::Array conflicts;
    for (const auto& conflict : report.conflicts) {
        conflicts.emplace_back(json::Object{{"study", log::uid_tag(conflict.study.str())},
                                            {"project", conflict.project},
                                            {"reason", log::without_uids(conflict.reason)}});
    }
    json::Array disabled;
    for (const auto& rule : report.disabled_rules) {
        disabled.emplace_back(json::Object{{"rule", rule.rule}, {"reason", rule.reason}});
    }
    return json::Object{{"studies", report.studies},
                        {"waiting", report.waiting},
                        {"deidentified", report.deidentified},
                        {"unchanged", report.unchanged},
                        {"written", written},
                        {"series_rows", report.series_rows},
                        {"refused", refused},
                        {"unreadable_series", report.unreadable_series},
                        {"requested", requested},
                        {"conflicts", conflicts},
                        {"old_conflicts", report.old_conflicts},
                        {"disabled_rules", disabled},
                        {"calls", traffic.calls},
                        {"bytes_sent", traffic.bytes_sent},
                        {"bytes_received", traffic.bytes_received},
                        {"rows_read", traffic.rows_read},
                        {"rows_written", traffic.rows_written},
                        {"seconds", seconds}};
}

std::vector<std::string> as_lines(const PopulateReport& report, const redcap::Traffic& traffic,
                                  Mode mode, double seconds)
{
    const bool is_done = mode == Mode::apply;
    std::vector<std::string> lines;
    for (const auto& conflict : report.conflicts) {
        lines.push_back(fmt::format("{} {}: {}", log::uid_tag(conflict.study.str()),
                                    conflict.project, log::without_uids(conflict.reason)));
    }
    for (const auto& rule : report.disabled_rules) {
        lines.push_back(fmt::format("routing rule {} is disabled: {}", rule.rule, rule.reason));
    }
    lines.push_back(fmt::format(
        "{} studies: {} {} ({} series), {} unchanged, {} waiting, {} refused; {} {}, {} in "
        "conflict; {} calls, {} rows read, {} rows written, {:.1f} s",
        report.studies, report.written.size(), is_done ? "recorded" : "would be recorded",
        report.series_rows, report.unchanged, report.waiting, report.refused.size(),
        report.requested.size(), is_done ? "requested" : "would be requested",
        report.conflicts.size() + report.old_conflicts, traffic.calls, traffic.rows_read,
        traffic.rows_written, seconds));
    return lines;
}

} // namespace fiona::routing
