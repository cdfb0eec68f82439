// SPDX-License-Identifier: MIT
#include "libfiona/routing/routing_rules.h"

#include "libfiona/base/error.h"
#include "libfiona/base/log.h"
#include "libfiona/base/text.h"

#include <algorithm>
#include <map>

namespace fiona::routing {

namespace {

using Labels = std::map<std::string, std::string, std::less<>>;

/// `code, label | code, label`: codes have no blanks, project names may.
Labels project_labels(const std::vector<redcap::Field>& fields)
{
    Labels labels;
    const auto field = std::ranges::find(fields, "routing_dest_project", &redcap::Field::name);
    if (field == fields.end()) {
        throw Error{Fault::config, "the REDCap project of the routing rules has no field "
                                   "routing_dest_project"};
    }
    for (const auto choice : split(field->choices, '|')) {
        const auto comma = choice.find(',');
        if (comma != std::string_view::npos) {
            labels.emplace(trimmed(choice.substr(0, comma)), trimmed(choice.substr(comma + 1)));
        }
    }
    return labels;
}

/// Matches a text as a whole only. The pattern by itself first, so that `a)|(b` stays an error.
std::optional<Pattern> anchored(const std::string& text)
{
    if (text.empty()) {
        return std::nullopt;
    }
    const Pattern alone{text};
    return Pattern{"\\A(?:" + text + ")\\z"};
}

bool is_title(const std::string& wanted, std::string_view title)
{
    return !wanted.empty() && wanted == trimmed(title);
}

/// PS3.5 §6.2.1: trailing separators of a name mean nothing; many scanners append them.
std::string plain_name(std::string_view name)
{
    while (!name.empty() && (name.back() == '^' || name.back() == '=' || name.back() == ' ')) {
        name.remove_suffix(1);
    }
    return std::string{trimmed(name)};
}

} // namespace

RoutingRules::RoutingRules(redcap::Client& routing)
{
    std::optional<Labels> labels; // asked for only where there is a rule
    for (const auto& row : routing.export_records({})) {
        if (row.value("routing_active") != "1") {
            continue;
        }
        try {
            if (!labels) {
                labels = project_labels(routing.metadata());
            }
            const auto label = labels->find(trimmed(row.value("routing_dest_project")));
            if (label == labels->end() || label->second.empty()) {
                throw Error{Fault::data,
                            "routing_dest_project is none of the projects in its list"};
            }
            m_rules.push_back(rule_of(row, label->second));
        } catch (const Error& e) {
            if (e.fault() != Fault::data && e.fault() != Fault::config) {
                throw;
            }
            log::error("routing_rule_disabled", {{"rule", row.record}, {"reason", e.what()}});
            m_disabled.push_back({row.record, e.what()});
        }
    }
}

RoutingRules::Rule RoutingRules::rule_of(const redcap::Row& row, std::string project)
{
    const auto value = [&](std::string_view field) {
        return std::string{trimmed(row.value(field))};
    };
    const auto pattern = [&](std::string_view field) {
        try {
            return anchored(value(field));
        } catch (const Error& e) {
            throw e.in(field);
        }
    };
    Rule rule{.name = row.record,
              .project = std::move(project),
              .event = value("routing_event_name"),
              .called = value("routing_incoming_aetitle"),
              .sender = value("routing_sending_aetitle"),
              .patient_id = pattern("routing_allowed_patientid"),
              .patient_name = pattern("routing_allowed_patientname")};
    if (rule.called.empty() && rule.sender.empty()) {
        throw Error{Fault::data, "it has no AE title"};
    }
    if (!rule.patient_id && !rule.patient_name) {
        throw Error{Fault::data, "it has no pattern for patient ids or names"};
    }
    return rule;
}

std::vector<RoutingRules::Match> RoutingRules::find(const StudyOnDisk& study) const
{
    std::vector<Match> matches;
    for (const auto& rule : m_rules) {
        if (!is_title(rule.called, study.record.addressed)
            && !is_title(rule.sender, study.record.sender)) {
            continue;
        }
        for (const auto& patient : study.patients) {
            const std::string id{trimmed(patient.id.reveal())};
            const auto name = plain_name(patient.name.reveal());
            const bool is_id = rule.patient_id && !id.empty() && rule.patient_id->is_in(id);
            if (is_id || (rule.patient_name && !name.empty() && rule.patient_name->is_in(name))) {
                matches.push_back(
                    {rule.name, rule.project, Private{is_id ? id : name}, rule.event});
            }
        }
    }
    return matches;
}

} // namespace fiona::routing
