// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/config.h"
#include "libfiona/base/error.h"
#include "libfiona/base/json.h"
#include "libfiona/base/mode.h"
#include "libfiona/status/redcap_steps.h"
#include "libfiona/status/request_queue.h"

#include <optional>
#include <string>
#include <vector>

/// What a person does to transfer requests.
namespace fiona::status {

enum class QueueAction {
    hold,    ///< no worker takes it until it is released
    release, ///< it waits again
    retry, ///< postponed: due now; failed or dropped: asked for again in REDCap, by which it is filed anew
    drop, ///< set aside with its file; a failure: seen, and no more in the way
};

struct QueueOrder {
    QueueAction action;
    std::vector<std::string> words; ///< see matching()
    Mode mode = Mode::apply;
};

struct QueueItem {
    std::string reference; ///< of the request; the word as it was given if it fits nothing
    std::string outcome;   ///< held, released, due now, asked again, dropped; unchanged; refused
    std::string reason;    ///< of a refusal
};

struct QueueReport {
    std::vector<QueueItem> items;
    std::optional<Error> problem; ///< the first; the other items are done
};

/// Each request that a word means. Before a change a line goes to the audit log of
/// people's hands (routing/assign_audit.h). Twice is the same as once. REDCap is asked only for a retry
/// of what has failed.
[[nodiscard]] QueueReport act_on_queue(const Config& config, const QueueOrder& order,
                                       const OpenIncoming& open, TimePoint now);

/// State, age, project, participant, attempts, reference, reason; the first row is the heading.
[[nodiscard]] std::vector<std::vector<std::string>>
as_rows(const std::vector<QueuedRequest>& requests, TimePoint now);
[[nodiscard]] json::Value as_json(const std::vector<QueuedRequest>& requests);
[[nodiscard]] json::Value as_json(const QueueReport& report);

} // namespace fiona::status
