// SPDX-License-Identifier: MIT
#include "libfiona/routing/imaging_rows.h"

#include "libfiona/base/error.h"
#include "libfiona/base/ids.h"
#include "libfiona/base/text.h"

#include <algorithm>

namespace fiona::routing {

namespace {

constexpr std::string_view study_field = "img_study_instance_uid";

} // namespace

ProjectGap::ProjectGap(redcap::Client& project) : m_known{project}
{
    if (!m_known.has_field(study_field)) {
        return;
    }
    const auto fields = project.metadata();
    const auto field = std::ranges::find(fields, study_field, &redcap::Field::name);
    const auto repeating = project.repeating_forms();
    if (field != fields.end() && std::ranges::find(repeating, field->form) != repeating.end()) {
        m_form = field->form;
        m_event = m_known.event("").unique_name;
        read_images(project);
    }
}

void ProjectGap::read_images(redcap::Client& project)
{
    redcap::ExportSpec spec;
    // The whole form: an instance whose study is blank still occupies its number.
    spec.forms = {m_form};
    for (const auto& row : project.export_records(spec)) {
        if (row.instrument == m_form) {
            auto& highest = m_highest[row.record];
            highest = std::max(highest, row.instance);
            m_studies.insert({row.record, std::string{trimmed(row.value(study_field))}});
        }
    }
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
