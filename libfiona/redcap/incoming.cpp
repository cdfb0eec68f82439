// SPDX-License-Identifier: MIT
#include "libfiona/redcap/incoming.h"

#include "libfiona/base/error.h"
#include "libfiona/base/log.h"
#include "libfiona/base/text.h"
#include "libfiona/redcap/incoming_rows.h"

namespace fiona::redcap {

namespace {

std::vector<std::string> record_names(const std::vector<StudyUid>& studies)
{
    std::vector<std::string> names;
    names.reserve(studies.size());
    for (const auto& study : studies) {
        names.push_back(study.str());
    }
    return names;
}

} // namespace

Incoming::Incoming(Client& client, std::filesystem::path locks)
    : m_client{client}, m_locks{std::move(locks)}
{
}

std::vector<Transfer> Incoming::transfers(const std::vector<StudyUid>& studies,
                                          ExportSpec::Source source)
{
    ExportSpec spec;
    spec.source = source;
    spec.records = record_names(studies);
    // One by one: a site may have added fields to the form, and a copy does not have those.
    spec.fields = {"transfer_requested_date", "transfer_project_name", "transfer_name",
                   "transfer_event_name",     "transfer_date",         "transfer_error",
                   "transfer_mapped_uid",     "transfer_error_message"};
    return read_transfers(spec);
}

std::vector<Transfer> Incoming::read_transfers(const ExportSpec& spec)
{
    std::vector<Transfer> transfers;
    for (const auto& row : m_client.export_records(spec)) {
        if (row.instrument != transfers_form || row.instance == 0) {
            continue;
        }
        if (!is_uid(row.record)) {
            log::warn("incoming_record_ignored", {{"reason", "its id is no UID"}});
            continue;
        }
        transfers.push_back(transfer_of(row));
    }
    return transfers;
}

std::vector<Transfer> Incoming::read_transfers(const StudyUid& study)
{
    ExportSpec spec;
    spec.source = ExportSpec::Source::server;
    spec.records = {study.str()};
    // The whole form: an instance whose other fields are blank still counts when numbers are chosen.
    spec.forms = {std::string{transfers_form}};
    auto all = read_transfers(spec);
    // A server that ignores `records` must not make us take another study's rows for this one's.
    std::erase_if(all, [&](const Transfer& transfer) { return transfer.study != study; });
    return all;
}

/// One field of the records of some studies.
std::vector<Row> Incoming::rows_of(const std::vector<StudyUid>& studies, std::string_view field)
{
    if (studies.empty()) { // no records in a request means all of them
        return {};
    }
    ExportSpec spec;
    spec.records = record_names(studies);
    spec.fields = {std::string{field}};
    auto rows = m_client.export_records(spec);
    std::erase_if(rows, [](const Row& row) { return !is_uid(row.record); });
    return rows;
}

std::set<StudyUid> Incoming::recorded_studies()
{
    ExportSpec spec;
    spec.source = ExportSpec::Source::server;
    spec.fields = {m_client.record_id_field()};
    std::set<StudyUid> studies;
    for (const auto& row : m_client.export_records(spec)) {
        if (is_uid(row.record)) {
            studies.emplace(row.record);
        }
    }
    return studies;
}

std::map<StudyUid, std::vector<SeriesUid>>
Incoming::recorded_series(const std::vector<StudyUid>& studies)
{
    constexpr std::string_view field = "series_instance_uid";
    std::map<StudyUid, std::vector<SeriesUid>> recorded;
    for (const auto& row : rows_of(studies, field)) {
        const std::string uid{trimmed(row.value(field))};
        if (row.instrument == series_form && is_uid(uid)) {
            recorded[StudyUid{row.record}].emplace_back(uid);
        }
    }
    return recorded;
}

std::map<StudyUid, std::string> Incoming::recorded_patients(const std::vector<StudyUid>& studies)
{
    constexpr std::string_view field = "study_patient_id";
    std::map<StudyUid, std::string> recorded;
    for (const auto& row : rows_of(studies, field)) {
        const std::string patient{trimmed(row.value(field))};
        if (row.instrument.empty() && !patient.empty()) {
            recorded.emplace(row.record, patient);
        }
    }
    return recorded;
}

} // namespace fiona::redcap
