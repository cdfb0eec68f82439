// SPDX-License-Identifier: MIT
#include "libfiona/routing/imaging_rows.h"

#include "libfiona/base/error.h"
#include "libfiona/base/ids.h"
#include "libfiona/base/text.h"

#include <algorithm>

namespace fiona::routing {

namespace {

constexpr std::string_view study_field = "img_study_instance_uid";

/// "" if the project does not have it, or it does not repeat.
std::string form_of_images(redcap::Client& project)
{
    const auto fields = project.metadata();
    const auto field = std::ranges::find(fields, study_field, &redcap::Field::name);
    if (field == fields.end()) {
        return {};
    }
    const auto repeating = project.repeating_forms();
    return std::ranges::find(repeating, field->form) == repeating.end() ? "" : field->form;
}

} // namespace

ProjectGap::ProjectGap(redcap::Client& project)
    : m_form{form_of_images(project)}, m_known{project, m_form,
                                               [this](const redcap::Row& row) { note(row); }}
{
    if (!m_form.empty()) {
        m_event = m_known.event("").unique_name;
    }
}

void ProjectGap::note(const redcap::Row& instance)
{
    auto& highest = m_highest[instance.record];
    highest = std::max(highest, instance.instance);
    m_studies.insert({instance.record, std::string{trimmed(instance.value(study_field))}});
}

void ProjectGap::add(const redcap::Transfer& transfer)
{
    static_cast<void>(ParticipantId{transfer.participant});
    const auto event = m_known.event(transfer.event);
    if (m_known.find(transfer.participant) == ParticipantRows::Known::other_spelling) {
        throw Error{Fault::data, "a participant is there with other upper and lower case"};
    }
    if (!m_known.has(transfer.participant, event.unique_name)) {
        m_participants.push_back(m_known.row(transfer.participant, event.unique_name));
        m_known.add(m_participants.back());
    }
    if (m_form.empty()) {
        return;
    }
    for (const auto part : split(transfer.mapped_uids, ',')) {
        const std::string study{trimmed(part)};
        if (!is_uid(study) || !m_studies.insert({transfer.participant, study}).second) {
            continue;
        }
        auto& row = m_images.emplace_back();
        row.record = transfer.participant;
        row.event = m_event;
        row.instrument = m_form;
        row.instance = ++m_highest[transfer.participant];
        row.values.emplace(study_field, study);
        if (m_known.has_field("img_event_name") && !event.unique_name.empty()) {
            row.values.emplace("img_event_name", event.unique_name);
        }
    }
}

} // namespace fiona::routing
