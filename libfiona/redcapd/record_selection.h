// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/redcapd/call.h"
#include "libfiona/redcapd/record_removal.h"

#include <vector>

namespace fiona::redcapd {

/// The records that `records`, dateRangeBegin and dateRangeEnd choose, in natural order. Unknown
/// ones are passed over. Throws Refusal{400} for a time that is none.
[[nodiscard]] std::vector<RecordEntry> selected_records(const Call& call);

} // namespace fiona::redcapd
