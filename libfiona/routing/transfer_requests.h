// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/config.h"
#include "libfiona/base/dates.h"
#include "libfiona/base/mode.h"
#include "libfiona/redcap/client.h"
#include "libfiona/redcap/incoming.h"
#include "libfiona/store/requests.h"

#include <chrono>
#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

namespace fiona::routing {

/// What a row of `transfers` in INCOMING asks for, given what is on disk.
enum class Decision {
    first,           ///< never sent: file a request
    new_images,      ///< sent, and since then something settled has arrived: file a request
    requested_again, ///< sent, and a person asked for it again: file a request
    incomplete,      ///< no project or no participant: nobody has decided yet
    sent,            ///< nothing to do
    arriving,        ///< sent, and something is arriving right now: wait
    source_missing,  ///< to be sent, and raw/<Study> is not there
    failed,          ///< given up, and nothing has changed since
};
[[nodiscard]] std::string_view decision_name(Decision decision);

/// The request that a row of `transfers` becomes. Throws Error{Fault::data} if a name or id of it is
/// not allowed.
[[nodiscard]] store::TransferRequest request_of(const redcap::Transfer& transfer);

/// All that a decision depends on. `newest` is the youngest series JSON of the study.
struct StudyFacts {
    bool on_disk = false;
    std::optional<TimePoint> newest;
    std::optional<TimePoint> failed_at; ///< when this request was last given up
    std::optional<TimePoint> seen;      ///< what the last transfer saw as the newest
};

/// transfer_date has no seconds: when nothing else is known, something that arrived in its minute
/// counts as sent with it. A transfer_requested_date in the future asks for nothing before it comes.
/// Throws Error{Fault::data} if a date of the row cannot be read.
[[nodiscard]] Decision decide(const redcap::Transfer& transfer, const StudyFacts& state,
                              TimePoint now, std::chrono::seconds settle);

struct FilingReport {
    struct Filed {
        store::TransferRequest request;
        Decision reason = Decision::first;
    };
    std::size_t transfers = 0; ///< rows of INCOMING
    std::vector<Filed> filed;  ///< with Mode::dry_run: would be filed
    std::size_t pending = 0;   ///< waiting or in work already
    std::size_t sent = 0;
    std::size_t arriving = 0;
    std::size_t incomplete = 0;
    std::size_t source_missing = 0; ///< each is logged once, then only counted
    std::size_t failed = 0;
    std::size_t refused = 0; ///< rows with a name, id or date that cannot be used
};

/// Turns the rows of `transfers` into files in transfer_requests/. One export, no import.
[[nodiscard]] FilingReport file_transfer_requests(redcap::Client& client, const Config& config,
                                                  TimePoint now, Mode mode);

} // namespace fiona::routing
