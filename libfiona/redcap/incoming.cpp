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

Transfer transfer_of(const Row& row)
{
    Transfer transfer{.study = StudyUid{row.record},
                      .instance = row.instance,
                      .project = row.value("transfer_project_name"),
                      .participant = row.value("transfer_name"),
                      .event = row.value("transfer_event_name"),
                      .requested = row.value("transfer_requested_date"),
                      .transferred = row.value("transfer_date"),
                      .mapped_uids = row.value("transfer_mapped_uid"),
                      .deidentify_error = row.value("transfer_error___1") == "1",
                      .send_error = row.value("transfer_error___2") == "1",
                      .pixels_masked = row.value("transfer_error___3") == "1",
                      .error_message = row.value("transfer_error_message")};
    return transfer;
}

} // namespace

Incoming::Incoming(Client& client, std::filesystem::path locks)
    : m_client{client}, m_locks{std::move(locks)}
{
}

std::vector<Transfer> Incoming::transfers(const std::vector<StudyUid>& studies)
{
    ExportSpec spec;
    spec.records = record_names(studies);
    // The whole form: an instance whose other fields are blank still counts when numbers are chosen.
    spec.forms = {std::string{transfers_form}};
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
    auto all = transfers({study});
    // A server that ignores `records` must not make us take another study's rows for this one's.
    std::erase_if(all, [&](const Transfer& transfer) { return transfer.study != study; });
    return all;
}

std::map<StudyUid, std::vector<SeriesUid>>
Incoming::recorded_series(const std::vector<StudyUid>& studies)
{
    std::map<StudyUid, std::vector<SeriesUid>> recorded;
    if (studies.empty()) { // no records in a request means all of them
        return recorded;
    }
    ExportSpec spec;
    spec.records = record_names(studies);
    spec.fields = {"series_instance_uid"};
    for (const auto& row : m_client.export_records(spec)) {
        const std::string uid{trimmed(row.value("series_instance_uid"))};
        if (row.instrument == series_form && is_uid(row.record) && is_uid(uid)) {
            recorded[StudyUid{row.record}].emplace_back(uid);
        }
    }
    return recorded;
}

} // namespace fiona::redcap
