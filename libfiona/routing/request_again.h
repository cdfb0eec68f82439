// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/config.h"
#include "libfiona/base/dates.h"
#include "libfiona/base/mode.h"
#include "libfiona/redcap/incoming.h"
#include "libfiona/store/requests.h"

#include <optional>
#include <string>
#include <vector>

namespace fiona::routing {

/// When the request of `transfer` was given up, if nothing came of it since: it does not wait, was
/// not sent, and nobody has asked for it later than that. What a clock that was ahead has dated later than
/// `now` was given up now, and asked for never.
[[nodiscard]] std::optional<TimePoint> given_up_at(const store::Requests& requests,
                                                   const redcap::Transfer& transfer, TimePoint now);

/// transfer_requested_date of a new request, the event and number of which may be those of one that was given
/// up: now, and later than that (by a minute if need be), or nobody could tell the two.
[[nodiscard]] std::string date_of_new_request(const store::Requests& requests,
                                              const redcap::Transfer& transfer, TimePoint now,
                                              Mode mode);

/// Asks for transfers again: transfer_requested_date becomes now, and later than transfer_date and than the
/// moment at which the request was given up (by a minute if need be: the fields have no seconds), so that
/// fiona-create-transfer-requests files it. What waits already is left alone: twice is the same as once.
/// Returns what became of each, in any order. Throws what redcap::Client throws.
[[nodiscard]] std::vector<redcap::Incoming::Requested>
request_again(redcap::Client& incoming, const Paths& paths,
              const std::vector<redcap::Transfer>& transfers, TimePoint now, Mode mode);

} // namespace fiona::routing
