// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/config.h"
#include "libfiona/base/dates.h"
#include "libfiona/base/file_lock.h"
#include "libfiona/base/ids.h"
#include "libfiona/base/json.h"
#include "libfiona/base/mode.h"

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fiona::store {

/// One study to be de-identified and sent (fiona-files(5)).
struct TransferRequest {
    StudyUid study;
    ProjectName project;
    ParticipantId participant;
    std::optional<EventName> event;
    unsigned instance = 1; ///< redcap_repeat_instance of `transfers`
    std::string requested; ///< transfer_requested_date
    json::Value content;   ///< everything the file holds, kept as it was

    /// `<study>_<instance>_<first 16 hex digits of SHA-256(project NUL participant)>.json`
    [[nodiscard]] std::string file_name() const;
    /// Throws Error{Fault::data} saying which key is missing or wrong, without its value. The name
    /// is only for the message, and there as a tag: those of old tools hold the participant's id.
    [[nodiscard]] static TransferRequest parse(std::string_view text, std::string_view file_name);
};

/// transfer_requests/X  transfers_work/<host>.<pid>/X  transfers_held/X  transfers_done/X...  transfers_fail/X...
///         +                        -                        -                  -                    -    waiting
///         -                        +                        -                  -                    -    in work; the worker
///                                                                                                        holds the flock on
///                                                                                                        .lock beside it.
///                                                                                                        Lock free: it died,
///                                                                                                        the next run takes X
///                                                                                                        back
///         -                   + X.result.json               -                  -                    -    sent, REDCap not yet
///                                                                                                        told: only the
///                                                                                                        report is repeated
///         -                        -                        +                  -                    -    held by a person
///                                                                                                        until release(), or
///                                                                                                        being taken back
///         -                        -                        -                  +                    -    done
///                                                                                                        (`_ok_<date>.log`)
///         -                        -                        -                  -                    -    taken back before it
///                                                                                                        was sent (withdraw),
///                                                                                                        or none
///         -                        -                        -                  -                    +    given up (`_fail.log`;
///                                                                                                        the reason in
///                                                                                                        `_fail_messages.log`,
///                                                                                                        written first).
///                                                                                                        `dropped` in it: a
///                                                                                                        person wants no more
///                                                                                                        of it
/// `X.state.json` (attempts, next_try, last_error) and the `X.result.json` of a report that was postponed
/// stay in transfer_requests/ while X is in work or held, and go after X has gone. Alone they mean nothing; where X
/// is in neither place the next RequestWorker::adopt() removes them.
///
/// Every transition of X is one link(2) (file), one rename (claim, adopt, postpone, finish, hold, release,
/// drop) or one unlink(2) (withdraw). Those who make work directories, take X out of those of the dead,
/// postpone or withdraw X hold transfers_work/.lock meanwhile; those who file X hold
/// transfer_requests/.lock; those who hold, release or drop it take both, in the other order.
struct RequestState {
    unsigned attempts = 0;
    TimePoint next_try;
    std::string last_error;
};

class Requests {
public:
    explicit Requests(Paths paths);

    /// False if a request of that name waits already, or is in work (with or without a result).
    // NOLINTNEXTLINE(modernize-use-nodiscard) filing twice is fine
    bool file(const TransferRequest& request) const;
    /// Removes a request that waits or is held; false if there is none. Throws Error{Fault::temporary} if it is in
    /// work, or only its report is left: its images may be leaving; Fault::data if some have left
    /// (sent_images.h).
    [[nodiscard]] bool withdraw(const std::string& file_name) const;
    enum class Change { made, was_so };
    enum class Sent { allow, refuse }; ///< images that are in the research PACS already
    /// The four commands of a person. Throw Error{Fault::temporary} if it is in work or only its report
    /// is left (then its images are leaving, or have left), Fault::missing if there is none to which
    /// the command applies. They are durable when they return; a dry run only throws and answers.
    // NOLINTBEGIN(modernize-use-nodiscard) called for their effect
    /// Keeps one that waits away from all workers; nobody files it again meanwhile. Sent::refuse: throws
    /// Error{Fault::data} if images of it have left.
    Change hold(const std::string& file_name, Mode mode, Sent sent = Sent::allow) const;
    Change release(const std::string& file_name, Mode mode) const;
    /// Gives up one that waits or is held, as if it had failed with that reason; one that has been given
    /// up already gets only the mark that nobody needs to look at it. Throws Error{Fault::data} if images of
    /// it have left.
    Change drop(const std::string& file_name, std::string_view reason, TimePoint now,
                Mode mode) const;
    /// One that was postponed is due at once.
    Change try_now(const std::string& file_name, Mode mode) const;
    // NOLINTEND(modernize-use-nodiscard)
    /// Leaves it in transfers_fail/ as one that was dropped, whether or not it was ever filed.
    void note_dropped(const TransferRequest& request, std::string_view reason, TimePoint now) const;
    /// Waiting, in work or held.
    [[nodiscard]] bool is_pending(const std::string& file_name) const;
    /// Names in transfer_requests/, oldest first.
    [[nodiscard]] std::vector<std::string> waiting() const;
    /// Names in all work directories.
    [[nodiscard]] std::vector<std::string> in_work() const;
    /// Names in transfers_held/.
    [[nodiscard]] std::vector<std::string> held() const;
    /// When it was last given up; nothing if it never was.
    [[nodiscard]] std::optional<TimePoint> failed_at(const std::string& file_name) const;
    /// One that was given up later than `now`, by a clock that was ahead, was given up now.
    void correct_failed_at(const std::string& file_name, TimePoint now) const;
    /// Nothing if it never failed. One that cannot be read counts as none.
    [[nodiscard]] std::optional<RequestState> state(const std::string& file_name) const;

    /// What the last transfer of this request has seen of its study: the time of the newest series
    /// JSON when it began (`<state>/seen/<request>`). Only a memory: without it the whole
    /// minutes of transfer_date decide whether something came later.
    void note_seen(const std::string& file_name, TimePoint newest) const;
    [[nodiscard]] std::optional<TimePoint> seen(const std::string& file_name) const;

    [[nodiscard]] const Paths& paths() const { return m_paths; }

private:
    void refuse_if_sending(const std::string& file_name) const;
    void refuse_if_sent(const std::string& file_name) const;

    Paths m_paths;
};

/// One worker's directory below transfers_work/, locked for its life.
class RequestWorker {
public:
    explicit RequestWorker(const Requests& requests);
    RequestWorker(const RequestWorker&) = delete;
    RequestWorker& operator=(const RequestWorker&) = delete;
    ~RequestWorker(); ///< removes the directory if it is empty

    /// Moves requests (with their results) of dead workers here; returns the names of all requests
    /// that are here now, so that those of a dead worker of our own pid are among them.
    [[nodiscard]] std::vector<std::string> adopt() const;
    /// Takes a waiting request; false if somebody else did, or its next_try lies after `now`.
    [[nodiscard]] bool claim(const std::string& file_name, TimePoint now) const;
    [[nodiscard]] TransferRequest read(const std::string& file_name) const;

    /// Durable note of what REDCap must be told. Until finish() it survives every crash.
    void note_result(const std::string& file_name, const json::Value& result) const;
    [[nodiscard]] std::optional<json::Value> result(const std::string& file_name) const;

    void finish_done(const std::string& file_name, TimePoint now) const;
    void finish_failed(const std::string& file_name, const json::Value& messages) const;
    /// Back to transfer_requests/ with a state: tried again after 10 s, 60 s, 300 s, then every
    /// 300 s. A result that was noted stays with it. Returns how often it failed so far.
    // NOLINTNEXTLINE(modernize-use-nodiscard) the count is for the log
    unsigned postpone(const std::string& file_name, std::string_view reason, TimePoint now) const;

    [[nodiscard]] const std::filesystem::path& directory() const { return m_directory; }

private:
    void move_in(const std::filesystem::path& dead_directory) const;
    void drop_orphans() const;

    Requests m_requests;
    Paths m_paths;
    std::filesystem::path m_directory;
    std::optional<FileLock> m_lock;
};

} // namespace fiona::store
