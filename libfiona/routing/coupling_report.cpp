// SPDX-License-Identifier: MIT
#include "libfiona/routing/coupling_report.h"

#include <algorithm>

namespace fiona::routing {

Report report_import(const CouplingImportReport& import, Mode mode)
{
    const auto* const would = mode == Mode::dry_run ? "would be " : "";
    Report report;
    json::Array bad;
    for (const auto& line : import.bad) {
        bad.emplace_back(json::Object{{"line", line.number}, {"reason", line.reason}});
        report.rows.push_back({fmt::format("line {}: {}", line.number, line.reason)});
    }
    if (import.is_refused) {
        report.rows.push_back(
            {fmt::format("{} of {} lines are bad: nothing is imported; mend them, "
                         "or add --skip-bad",
                         import.bad.size(), import.lines)});
    } else {
        report.rows.push_back({fmt::format(
            "{} lines: {} {}added, {} known before, {} bad; {} participants {}created; "
            "{} match studies that are here",
            import.lines, import.added, would, import.unchanged, import.bad.size(),
            import.participants_created, would, import.matching)});
    }
    report.document = json::Object{
        {"lines", import.lines},          {"added", import.added},
        {"unchanged", import.unchanged},  {"bad", std::move(bad)},
        {"imported", !import.is_refused}, {"participants_created", import.participants_created},
        {"matching", import.matching},    {"dry_run", mode == Mode::dry_run}};
    if (!import.bad.empty()) {
        report.problem =
            Error{Fault::data, "{} of {} lines are bad", import.bad.size(), import.lines};
    }
    return report;
}

Report report_coupling(const std::vector<CouplingRow>& rows,
                       const std::optional<ProjectName>& project, const Permissions& permissions)
{
    std::vector<const CouplingRow*> shown;
    for (const auto& row : rows) {
        if (permissions.allows(row.project) && (!project || row.project == project->str())) {
            shown.push_back(&row);
        }
    }
    std::ranges::stable_sort(shown, {}, &CouplingRow::created);
    const auto or_dash = [](const std::string& text) { return text.empty() ? "-" : text; };
    Report report;
    json::Array document;
    report.rows = {{"CREATED", "PROJECT", "PARTICIPANT", "EVENT", "ACCESSION", "STUDY"}};
    for (const auto* const row : shown) {
        // Shown to whoever asked for it, as the lists of studies are; never logged.
        const auto& accession = row->accession.reveal();
        report.rows.push_back({or_dash(row->created), row->project, or_dash(row->participant),
                               or_dash(row->event), or_dash(accession), or_dash(row->study)});
        document.emplace_back(json::Object{{"created", row->created},
                                           {"project", row->project},
                                           {"participant", row->participant},
                                           {"event", row->event},
                                           {"accession", accession},
                                           {"study", row->study}});
    }
    report.document = std::move(document);
    return report;
}

Report report_expiry(const ExpiryReport& expiry, Mode mode)
{
    return {
        json::Object{{"rows", expiry.rows},
                     {"deleted", expiry.deleted},
                     {"undated", expiry.undated},
                     {"dry_run", mode == Mode::dry_run}},
        {{fmt::format("{} rows: {} {}deleted, {} without a date kept", expiry.rows, expiry.deleted,
                      mode == Mode::dry_run ? "would be " : "", expiry.undated)}}};
}

} // namespace fiona::routing
