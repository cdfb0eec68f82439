// SPDX-License-Identifier: MIT
#include "libfiona/redcap/projects.h"

#include "libfiona/base/error.h"
#include "libfiona/base/log.h"
#include "libfiona/base/national_id.h"
#include "libfiona/base/text.h"

#include <re2/re2.h>

#include <algorithm>
#include <array>
#include <map>

namespace fiona::redcap {

namespace {

constexpr std::string_view token_field = "project_token";
constexpr std::array<std::string_view, 11> project_fields{"project_name",
                                                          "project_use_autoid",
                                                          "project_autoid_aetitle",
                                                          "project_active",
                                                          "project_patient_naming",
                                                          "project_features",
                                                          "project_import_rule_1_tag",
                                                          "project_import_rule_1_regexp",
                                                          "rewrite_ex_tag",
                                                          "rewrite_ex_reg",
                                                          token_field};

/// A record of DTP in one piece: the longitudinal shape spreads it over several events, and
/// repeating forms add rows of their own.
std::map<std::string, Row> merged_records(const std::vector<Row>& rows)
{
    std::map<std::string, Row> records;
    for (const auto& row : rows) {
        if (!row.instrument.empty()) {
            continue;
        }
        auto& record = records[row.record];
        for (const auto& [field, value] : row.values) {
            auto& merged = record.values[field];
            if (merged.empty() || merged == "0") { // an unticked box is "0" in every event
                merged = value.empty() ? merged : value;
            }
        }
    }
    return records;
}

std::string name_of(const std::string& record, const Row& row)
{
    const std::string name{trimmed(row.value("project_name"))};
    return name.empty() ? record : name;
}

ResearchProject project_of(ProjectName name, const Row& row)
{
    ResearchProject project{.name = std::move(name)};
    project.active = row.value("project_active") == "1";
    project.participant_pattern = trimmed(row.value("project_patient_naming"));
    if (const auto token = row.value(token_field); !trimmed(token).empty()) {
        project.token = Private{std::string{trimmed(token)}};
    }
    const auto has_feature = [&](int code) {
        return row.value(fmt::format("project_features___{}", code)) == "1";
    };
    project.remove_presentation_states = has_feature(0);
    project.never_rewrite_pixels = has_feature(1);
    project.remove_secondary_captures = has_feature(2);
    project.import_rule_tag = trimmed(row.value("project_import_rule_1_tag"));
    project.import_rule_regexp = row.value("project_import_rule_1_regexp");
    if (row.value("project_use_autoid") == "1") {
        project.autoid_aetitle = trimmed(row.value("project_autoid_aetitle"));
    }
    return project;
}

/// "0x0008:0x103E Series Description" -> "0008,103E"; "" if it is not of that form.
std::string tag_of_label(std::string_view label)
{
    constexpr std::string_view example = "0x0008:0x103E";
    const auto text = trimmed(label).substr(0, example.size());
    const auto is_half = [](std::string_view half) {
        return half.starts_with("0x") && half.size() == 6
               && half.find_first_not_of("0123456789abcdefABCDEF", 2) == std::string_view::npos;
    };
    if (text.size() < example.size() || text[6] != ':' || !is_half(text.substr(0, 6))
        || !is_half(text.substr(7))) {
        return {};
    }
    return fmt::format("{},{}", text.substr(2, 4), text.substr(9, 4));
}

/// Codes of rewrite_ex_tag and the tags they stand for.
std::map<std::string, std::string, std::less<>> exclusion_tags(const Field& field)
{
    std::map<std::string, std::string, std::less<>> tags{{"1", "0020,4000"}, {"2", "0008,103E"}};
    for (const auto choice : split(field.choices, '|')) {
        const auto comma = choice.find(',');
        if (comma != std::string_view::npos) {
            tags.insert_or_assign(std::string{trimmed(choice.substr(0, comma))},
                                  tag_of_label(choice.substr(comma + 1)));
        }
    }
    return tags;
}

/// By record id. A rule that cannot be read exempts nothing.
std::map<std::string, std::vector<PixelExclusion>> exclusions_of(const std::vector<Row>& rows,
                                                                 const Field& field)
{
    const auto tags = exclusion_tags(field);
    std::map<std::string, std::vector<PixelExclusion>> exclusions;
    for (const auto& row : rows) {
        const auto code = row.value("rewrite_ex_tag");
        const auto pattern = row.value("rewrite_ex_reg");
        if (code.empty() || pattern.empty()) {
            continue;
        }
        const auto tag = tags.find(code);
        if (tag == tags.end() || tag->second.empty()) {
            log::warn("pixel_exclusion_ignored", {{"reason", "its tag is not known"}});
            continue;
        }
        exclusions[row.record].push_back({tag->second, pattern});
    }
    return exclusions;
}

bool has_participant(Client& project, const ParticipantId& participant)
{
    const auto ids = participants(project);
    const auto wanted = lower_case(participant.str());
    return std::ranges::any_of(ids, [&](const auto& id) { return lower_case(id) == wanted; });
}

} // namespace

std::vector<ResearchProject> research_projects(Client& dtp, Tokens tokens)
{
    const auto fields = dtp.metadata();
    const auto exclusion = std::ranges::find(fields, "rewrite_ex_tag", &Field::name);
    ExportSpec spec;
    for (const auto& field : fields) { // sites differ in which of them they have
        const auto wanted = std::ranges::find(project_fields, field.name) != project_fields.end();
        if (wanted && (tokens == Tokens::with || field.name != token_field)) {
            spec.fields.push_back(field.name);
        }
    }
    const auto rows = dtp.export_records(spec);
    auto exclusions = exclusion == fields.end()
                          ? std::map<std::string, std::vector<PixelExclusion>>{}
                          : exclusions_of(rows, *exclusion);
    std::vector<ResearchProject> projects;
    for (const auto& [record, row] : merged_records(rows)) {
        try {
            projects.push_back(project_of(ProjectName{name_of(record, row)}, row));
            projects.back().pixel_exclusions = std::move(exclusions[record]);
        } catch (const Error& e) {
            log::warn("project_ignored", {{"reason", e.what()}});
        }
    }
    return projects;
}

const Private<std::string>& ProjectTokens::of(const ProjectName& project)
{
    if (!m_projects) {
        m_projects = research_projects(m_dtp, Tokens::with);
    }
    const auto found = std::ranges::find(*m_projects, project, &ResearchProject::name);
    if (found == m_projects->end() || !found->token) {
        throw Error{Fault::config, "it has no project_token in DataTransferProjects"};
    }
    return *found->token;
}

ResearchProject research_project(Client& dtp, const ProjectName& name)
{
    auto projects = research_projects(dtp);
    const auto found = std::ranges::find(projects, name, &ResearchProject::name);
    if (found == projects.end()) {
        throw Error{Fault::missing,
                    "DataTransferProjects has no project {}; `fiona-assign projects` lists them",
                    name};
    }
    return std::move(*found);
}

std::vector<std::string> participants(Client& project)
{
    ExportSpec spec;
    spec.fields = {project.record_id_field()};
    std::vector<std::string> ids;
    for (const auto& row : project.export_records(spec)) {
        if (std::ranges::find(ids, row.record) == ids.end()) {
            ids.push_back(row.record);
        }
    }
    return ids;
}

void check_participant_pattern(const ParticipantId& participant, std::string_view pattern)
{
    if (contains_norwegian_id(participant.str())) {
        throw Error{Fault::data, "the participant id holds a national identity number"};
    }
    const auto text = trimmed(pattern);
    if (text.empty()) {
        throw Error{Fault::data, "the project has no pattern for participant ids "
                                 "(project_patient_naming in DataTransferProjects)"};
    }
    RE2::Options options;
    options.set_log_errors(false);
    const RE2 expression{re2::StringPiece{text.data(), text.size()}, options};
    if (!expression.ok()) {
        throw Error{Fault::data, "the project's pattern for participant ids is invalid: {}",
                    expression.error()};
    }
    if (!RE2::FullMatch(participant.str(), expression)) {
        throw Error{Fault::data, "the participant id does not match the project's pattern {}",
                    text};
    }
}

std::string event_label(Client& project, const std::string& label_or_unique_name)
{
    if (label_or_unique_name.empty()) {
        return {};
    }
    std::string known;
    for (const auto& event : project.events()) {
        if (event.label == label_or_unique_name || event.unique_name == label_or_unique_name) {
            return event.label;
        }
        known += (known.empty() ? "" : ", ") + event.label;
    }
    if (known.empty()) {
        throw Error{Fault::data, "the project has no events"};
    }
    throw Error{Fault::data, "no event of that name; the project has: {}", known};
}

void add_participant(Client& project, const ParticipantId& participant,
                     const std::string& event_label)
{
    if (has_participant(project, participant)) {
        throw Error{Fault::data, "the participant exists already"};
    }
    Row row{.record = participant.str()};
    const auto events = project.events();
    if (!events.empty()) {
        const auto label = redcap::event_label(project, event_label);
        const auto found = std::ranges::find(events, label, &Event::label);
        row.event = found == events.end() ? events.front().unique_name : found->unique_name;
    } else if (!event_label.empty()) {
        throw Error{Fault::data, "the project has no events"};
    }
    // The same two fields that fiona-populate-projects fills, where the project has them.
    const auto fields = project.metadata();
    for (const auto* const name : {"first_name", "last_name"}) {
        if (std::ranges::find(fields, name, &Field::name) != fields.end()) {
            row.values.emplace(name, participant.str());
        }
    }
    project.import_records({row}, Overwrite::normal);
    if (!has_participant(project, participant)) {
        throw Error{Fault::protocol, "REDCap does not keep the new participant"};
    }
}

} // namespace fiona::redcap
