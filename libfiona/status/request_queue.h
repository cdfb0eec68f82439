// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/config.h"
#include "libfiona/base/dates.h"
#include "libfiona/store/requests.h"

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// All transfer requests of a site with what is known of each (states of store/requests.h).
namespace fiona::status {

enum class RequestState {
    waiting,    ///< due
    postponed,  ///< failed before, and tried again later
    in_work,    ///< a living worker has it
    left,       ///< its worker died; the next run takes it back
    unreported, ///< sent, and REDCap has still to be told
    held,       ///< by a person
    failed,     ///< given up, and nothing has come of it since
    dropped,    ///< given up by a person, or a failure that a person has seen
};
/// `waiting`, `postponed`, `in work`, `left`, `unreported`, `held`, `failed`, `dropped`.
[[nodiscard]] std::string_view name_of(RequestState state);
[[nodiscard]] const std::vector<RequestState>& all_request_states();

struct QueuedRequest {
    std::string name; ///< of its file; holds the study UID
    RequestState state = RequestState::waiting;
    std::filesystem::path file;
    TimePoint since; ///< waiting: filed; else the last change of its file
    unsigned attempts = 0;
    std::optional<TimePoint> next_try;
    std::string reason; ///< of the last failure

    /// The name with the study's tag in place of its UID, as log lines have it.
    [[nodiscard]] std::string reference() const;
};

/// Oldest first. Of the given up ones those that succeeded or were filed again since are left out.
[[nodiscard]] std::vector<QueuedRequest> queued_requests(const Paths& paths);

/// The request itself. Throws Error{Fault::data} if its file is none.
[[nodiscard]] store::TransferRequest content_of(const QueuedRequest& request);

/// The requests meant by `word`: a file name or reference() (that one), a study UID or the tag of one
/// (all of it). Empty if there is none.
[[nodiscard]] std::vector<QueuedRequest> matching(const std::vector<QueuedRequest>& requests,
                                                  std::string_view word);

} // namespace fiona::status
