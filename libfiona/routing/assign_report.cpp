// SPDX-License-Identifier: MIT
#include "libfiona/routing/assign_report.h"

#include "libfiona/base/log.h"
#include "libfiona/base/text.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <map>

namespace fiona::routing {

namespace {

std::string age_text(const std::optional<TimePoint>& arrived, TimePoint now)
{
    if (!arrived) {
        return "-";
    }
    const auto minutes = std::chrono::duration_cast<std::chrono::minutes>(now - *arrived).count();
    if (minutes < 120) {
        return fmt::format("{} min", std::max<std::int64_t>(minutes, 0));
    }
    return minutes < std::int64_t{48} * 60 ? fmt::format("{} h", minutes / 60)
                                           : fmt::format("{} d", minutes / (std::int64_t{24} * 60));
}

std::string or_dash(const std::string& text)
{
    return text.empty() ? "-" : text;
}

/// What DataTransferProjects says beyond ResearchProject; several rows of one record are joined.
std::map<std::string, redcap::Row> project_rows(redcap::Client& dtp)
{
    redcap::ExportSpec spec;
    spec.forms = {"projects"}; // not field by field: sites differ in which of them they have
    std::map<std::string, redcap::Row> rows;
    for (auto& row : dtp.export_records(spec)) {
        auto& joined = rows[row.record];
        for (auto& [field, value] : row.values) {
            if (!value.empty() && field != "project_token") {
                joined.values[field] = std::move(value);
            }
        }
    }
    return rows;
}

} // namespace

Report report_studies(const std::vector<Study>& studies, TimePoint now)
{
    Report report;
    json::Array document;
    report.rows = {{"STUDY", "AGE", "STATE", "MODALITIES", "SERIES", "IMAGES", "DATE", "ACCESSION",
                    "DESCRIPTION", "PROJECTS"}};
    for (const auto& study : studies) {
        std::vector<std::string> projects;
        for (const auto& request : study.requests) {
            projects.push_back(request.project);
        }
        report.rows.push_back(
            {study.uid.str(), age_text(study.arrived, now), std::string{state_name(study.state)},
             or_dash(fmt::format("{}", fmt::join(study.modalities, ","))),
             std::to_string(study.series), std::to_string(study.images), or_dash(study.date),
             or_dash(study.accession), or_dash(study.description),
             or_dash(fmt::format("{}", fmt::join(projects, ",")))});
        document.push_back(as_json(study));
    }
    report.document = std::move(document);
    return report;
}

Report report_projects(redcap::Client& dtp, const Permissions& permissions)
{
    auto details = project_rows(dtp);
    Report report;
    json::Array document;
    report.rows = {{"PROJECT", "PARTICIPANTS", "TOKEN", "AUTO-ID AE TITLE", "APPROVED UNTIL"}};
    for (const auto& project : redcap::research_projects(dtp)) {
        if (!project.active || !permissions.allows(project.name.str())) {
            continue;
        }
        const auto& row = details[project.name.str()];
        const bool has_autoid = row.value("project_use_autoid") == "1";
        const auto autoid = has_autoid ? row.value("project_autoid_aetitle") : std::string{};
        const auto end = row.value("project_rec_end_date");
        report.rows.push_back({project.name.str(), or_dash(project.participant_pattern),
                               project.token ? "yes" : "MISSING", or_dash(autoid), or_dash(end)});
        document.emplace_back(json::Object{{"project", project.name.str()},
                                           {"pattern", project.participant_pattern},
                                           {"has_token", project.token.has_value()},
                                           {"autoid_aetitle", autoid},
                                           {"approved_until", end}});
    }
    report.document = std::move(document);
    return report;
}

Report report_events(redcap::Client& project)
{
    Report report;
    json::Array document;
    report.rows = {{"EVENT", "UNIQUE NAME"}};
    for (const auto& event : project.events()) {
        report.rows.push_back({event.label, event.unique_name});
        document.emplace_back(
            json::Object{{"label", event.label}, {"unique_name", event.unique_name}});
    }
    report.document = std::move(document);
    return report;
}

Report report_participants(redcap::Client& project, const std::string& like)
{
    const auto wanted = lower_case(like);
    Report report;
    json::Array document;
    for (auto& participant : redcap::participants(project)) {
        if (lower_case(participant).find(wanted) != std::string::npos) {
            report.rows.push_back({participant});
            document.emplace_back(std::move(participant));
        }
    }
    report.document = std::move(document);
    return report;
}

Report report_transfers(const std::vector<redcap::Transfer>& transfers, const TransferQuery& query)
{
    Report report;
    json::Array document;
    if (query.heading == TransferQuery::Heading::yes) {
        report.rows = {{"STUDY", "PROJECT", "PARTICIPANT", "EVENT", "STATE", "REQUESTED",
                        "TRANSFERRED", "ERRORS"}};
    }
    for (const auto& transfer : transfers) {
        const auto state = state_of(transfer);
        const auto errors = errors_of(transfer);
        if ((query.project && transfer.project != query.project->str())
            || (query.which == TransferQuery::Which::errors && errors.empty())) {
            continue;
        }
        report.rows.push_back(
            {transfer.study.str(), or_dash(transfer.project), or_dash(transfer.participant),
             or_dash(transfer.event), std::string{state_name(state)}, or_dash(transfer.requested),
             or_dash(transfer.transferred), or_dash(fmt::format("{}", fmt::join(errors, ",")))});
        document.push_back(as_json(transfer));
    }
    report.document = std::move(document);
    return report;
}

Report report_assignment(const AssignOutcome& outcome, Mode mode)
{
    const auto* const would = mode == Mode::dry_run ? "would be " : "";
    const auto& transfer = outcome.transfer;
    auto document = as_json(transfer);
    document.object()["created"] = outcome.created;
    document.object()["resent"] = outcome.resent;
    document.object()["participant_created"] = outcome.participant_created;
    document.object()["dry_run"] = mode == Mode::dry_run;

    Report report{std::move(document), {}};
    if (outcome.participant_created) {
        report.rows.push_back({fmt::format("participant {} {}created in {}", transfer.participant,
                                           would, transfer.project)});
    }
    const auto what = outcome.created  ? fmt::format("{}requested", would)
                      : outcome.resent ? fmt::format("{}requested again", would)
                                       : std::string{"was requested before"};
    report.rows.push_back({fmt::format(
        "{} {} for {} as {}{} ({}, {})", log::uid_tag(transfer.study.str()), what, transfer.project,
        transfer.participant, transfer.event.empty() ? "" : ", event " + transfer.event,
        transfer.requested, state_name(state_of(transfer)))});
    return report;
}

Report report_cancelled(const redcap::Transfer& transfer, Mode mode)
{
    auto document = as_json(transfer);
    document.object()["cancelled"] = true;
    document.object()["dry_run"] = mode == Mode::dry_run;
    return {std::move(document),
            {{fmt::format("{}: the request for {} as {} {}taken back",
                          log::uid_tag(transfer.study.str()), transfer.project,
                          transfer.participant, mode == Mode::dry_run ? "would be " : "")}}};
}

std::vector<std::string> tab_separated(const std::vector<std::vector<std::string>>& rows)
{
    std::vector<std::string> lines;
    for (auto row : rows) {
        for (auto& cell : row) {
            std::ranges::replace_if(
                cell, [](char c) { return static_cast<unsigned char>(c) < 0x20U; }, '?');
        }
        lines.push_back(fmt::format("{}", fmt::join(row, "\t")));
    }
    return lines;
}

} // namespace fiona::routing
