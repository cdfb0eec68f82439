// SPDX-License-Identifier: MIT
#include "libfiona/routing/participant_rows.h"

#include "libfiona/base/error.h"
#include "libfiona/base/text.h"

#include <algorithm>

namespace fiona::routing {

namespace {

constexpr std::string_view main_event =
    "event_1_arm_1"; // share/redcap/research-project.json: every project has it

} // namespace

ParticipantRows::ParticipantRows(redcap::Client& project) : ParticipantRows{project, "", {}} {}

ParticipantRows::ParticipantRows(redcap::Client& project, const std::string& form,
                                 const std::function<void(const redcap::Row&)>& on_instance)
    : m_fields{project.metadata()}, m_events{project.events()}
{
    redcap::ExportSpec spec;
    spec.fields = {project.record_id_field()};
    if (!form.empty()) {
        // The whole form: an instance with blank fields still occupies its number.
        spec.forms = {form};
    }
    for (const auto& row : project.export_records(spec)) {
        add(row);
        if (!form.empty() && row.instrument == form) {
            on_instance(row);
        }
    }
}

void ParticipantRows::add(const redcap::Row& row)
{
    if (row.instrument.empty()) {
        m_rows.insert({row.record, row.event});
    }
    m_records.insert(row.record);
    m_lower_case.insert(lower_case(row.record));
}

ParticipantRows::Known ParticipantRows::find(const std::string& participant) const
{
    if (m_records.contains(participant)) {
        return Known::yes;
    }
    return m_lower_case.contains(lower_case(participant)) ? Known::other_spelling : Known::no;
}

bool ParticipantRows::has(const std::string& participant, const std::string& unique_event) const
{
    return m_rows.contains({participant, unique_event});
}

redcap::Row ParticipantRows::row(const std::string& participant,
                                 const std::string& unique_event) const
{
    redcap::Row row;
    row.record = participant;
    row.event = unique_event;
    for (const auto* const name : {"first_name", "last_name"}) {
        if (has_field(name)) {
            row.values.emplace(name, participant);
        }
    }
    return row;
}

redcap::Event ParticipantRows::event(const std::string& label_or_name) const
{
    if (m_events.empty()) {
        if (!label_or_name.empty()) {
            throw Error{Fault::data, "the project has no events"};
        }
        return {};
    }
    if (label_or_name.empty()) {
        const auto found = std::ranges::find(m_events, main_event, &redcap::Event::unique_name);
        return found == m_events.end() ? m_events.front() : *found;
    }
    const auto wanted = lower_case(label_or_name);
    std::string known;
    for (const auto& event : m_events) {
        if (lower_case(event.label) == wanted || event.unique_name == wanted) {
            return event;
        }
        known += (known.empty() ? "" : ", ") + event.label;
    }
    throw Error{Fault::data, "no event of that name; the project has: {}", known};
}

bool ParticipantRows::has_field(std::string_view name) const
{
    return std::ranges::find(m_fields, name, &redcap::Field::name) != m_fields.end();
}

} // namespace fiona::routing
