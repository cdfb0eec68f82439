// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/dates.h"
#include "libfiona/base/ids.h"
#include "libfiona/base/mode.h"
#include "libfiona/redcap/client.h"

#include <filesystem>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

/// The INCOMING project (share/redcap/incoming.csv): one record per clinical study, a repeating `series` and a
/// repeating `transfers` instrument. Natural keys decide identity, instance numbers are addresses.
namespace fiona::redcap {

class Outbox;
enum class Refusals;

/// One instance of `transfers`.
struct Transfer {
    StudyUid study;
    unsigned instance = 0;
    std::string project{};         ///< transfer_project_name
    std::string participant{};     ///< transfer_name
    std::string event{};           ///< transfer_event_name, may be empty
    std::string requested{};       ///< transfer_requested_date, `YYYY-MM-DD HH:MM`
    std::string transferred{};     ///< transfer_date, "" while waiting
    std::string mapped_uids{};     ///< comma-joined new StudyInstanceUIDs
    bool deidentify_error = false; ///< transfer_error___1
    bool send_error = false;       ///< transfer_error___2
    bool pixels_masked = false;    ///< transfer_error___3 (information)
    std::string error_message{};   ///< JSON text
};

/// What the sender writes back; it never touches the request fields.
struct TransferResult {
    StudyUid study;
    unsigned instance = 0;
    /// Whose result it is: an instance of others is theirs. "" is not compared.
    std::string project{}, participant{};
    TimePoint started{}; ///< becomes transfer_date: a series arriving meanwhile triggers a resend
    std::string mapped_uids{};
    bool deidentify_error = false;
    bool send_error = false;
    bool pixels_masked = false;
    std::string error_message{}; ///< "" erases an old one
    double seconds = 0;          ///< transfer_active_proc_time
};

struct SeriesRecord {
    SeriesUid series;
    std::string description, date, time, sequence_name, num_files, classify_types;
};

/// What populate-incoming knows of one study. Name and id are already hashed (hex SHA-256).
struct StudyRecord {
    StudyUid study;
    std::string description, date, time, institution, hashed_patient_name, hashed_patient_id,
        sender, addressed, accession;
    std::string arrival_date; ///< written once, at the first arrival
    std::vector<SeriesRecord> series;
};

/// What record_all() did, or with Mode::dry_run would do.
struct Recorded {
    struct Refusal {
        StudyUid study;
        std::string reason;
    };
    std::vector<StudyUid> written;   ///< something of it was new or changed
    std::vector<StudyUid> unchanged; ///< REDCap had it all
    std::vector<Refusal> refused;    ///< REDCap refuses it (400); the others went through
    std::size_t series_rows = 0;
};

class Incoming {
public:
    /// `locks`: directory for the per-study locks that every FIONA writer takes (state/locks). The
    /// journal of requests that are being written lies beside it.
    Incoming(Client& client, std::filesystem::path locks);

    /// All transfers of all records, or of `studies` only. `source`: whoever is about to act on there
    /// being none asks REDCap itself.
    [[nodiscard]] std::vector<Transfer>
    transfers(const std::vector<StudyUid>& studies = {},
              ExportSpec::Source source = ExportSpec::Source::copy);
    /// The studies that have a record, whatever is in it, by REDCap itself: one call.
    [[nodiscard]] std::set<StudyUid> recorded_studies();
    /// Series UIDs already recorded, per study.
    [[nodiscard]] std::map<StudyUid, std::vector<SeriesUid>>
    recorded_series(const std::vector<StudyUid>& studies);
    /// SHA-256 of the patient's id, per study; without those of which INCOMING has none.
    [[nodiscard]] std::map<StudyUid, std::string>
    recorded_patients(const std::vector<StudyUid>& studies);

    /// Writes the study row and a row for each series, new or changed; known series keep their
    /// instance. Returns how many series rows were written; a second call with the same writes 0.
    /// Throws Error{Fault::data} if REDCap refuses it.
    std::size_t record(const StudyRecord& study);
    /// The same for many studies: one read, one import (in REDCap's limits) and, where instance
    /// numbers were chosen, one read to confirm them.
    Recorded record_all(const std::vector<StudyRecord>& studies, Mode mode = Mode::apply);

    struct Ensured {
        Transfer transfer;
        bool created = false;
    };
    /// The transfer of (study, project, participant, event): the one that is there, or a new one
    /// with the next free instance, read back after writing. Throws Error{Fault::data} if the study
    /// is already requested for this project with another participant or event.
    /// Second::allow makes one beside that other: by a person's decision only. A new one is asked for at
    /// wanted.requested, or now if that is empty.
    enum class Second { refuse, allow };
    Ensured ensure_transfer(const Transfer& wanted, TimePoint now, Second second = Second::refuse);
    /// Completes the requests that a run began and did not end: killed, or left without an answer.
    /// Requests that a living process is at are left to it. Costs no call if there are none. Returns
    /// how many of them are in REDCap now.
    std::size_t resume(TimePoint now);
    /// Sets transfer_requested_date of an existing transfer, later than its transfer_date (by a
    /// minute if need be: the fields have no seconds). One already requested again is left alone.
    /// Throws Error{Fault::data} if the instance holds another request by now.
    void request_again(const Transfer& transfer, TimePoint now);
    /// What became of each of many transfers, in their order.
    struct Requested {
        enum class Result {
            created,  ///< asked for now; with Mode::dry_run: would be
            present,  ///< asked for before, and waiting or done: nothing to do
            conflict, ///< another participant or event of the project, or changed by somebody
            refused   ///< REDCap does not take it
        };
        Transfer transfer; ///< as REDCap holds it; as it was wanted if it does not
        Result result;
        std::string reason{}; ///< of a conflict or refusal; no participant in it
    };
    /// ensure_transfer() for many: one read, one import and one read to confirm for 200 studies. Those
    /// that are in conflict, or that REDCap refuses, do not stop the others.
    std::vector<Requested> ensure_transfers(const std::vector<Transfer>& wanted, TimePoint now,
                                            Mode mode);
    /// request_again() for many: one read and one import for 200 studies.
    std::vector<Requested> request_all_again(const std::vector<Transfer>& transfers, TimePoint now,
                                             Mode mode);
    /// Takes back a request that was not transferred yet: its instance is deleted, or, where REDCap
    /// cannot, emptied. One that is gone changes nothing. Throws Error{Fault::data} if it was transferred,
    /// or the instance holds another request by now.
    void withdraw(const Transfer& transfer);
    /// Result fields and `transfers_complete` (2 ok, 1 error). The same again changes nothing. Empty
    /// `mapped_uids` leave those of an earlier transfer. Throws Error{Fault::data} if somebody has
    /// deleted the instance: writing would make a request of nothing.
    void write_result(const TransferResult& result);

private:
    [[nodiscard]] std::vector<Row> rows_of(const std::vector<StudyUid>& studies,
                                           std::string_view field);
    [[nodiscard]] std::vector<Transfer> read_transfers(const ExportSpec& spec);
    /// From REDCap itself.
    [[nodiscard]] std::vector<Transfer> read_transfers(const StudyUid& study);
    [[nodiscard]] std::vector<Requested>
    ensure_some(std::span<const Transfer> wanted, TimePoint now, Second second, Refusals refusals);
    [[nodiscard]] Outbox& outbox();

    Client& m_client;
    std::filesystem::path m_locks;
    std::shared_ptr<Outbox> m_outbox; ///< opened when it is needed first
};

} // namespace fiona::redcap
