// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/dates.h"

#include <chrono>
#include <string>

namespace fiona::redcap {

/// REDCap's `dateRangeBegin` and `beginTime` are its local time. `zone` is an IANA name; empty: the
/// zone of this process. Changes TZ for an instant: for programs with one thread.
[[nodiscard]] std::string server_second(TimePoint when, const std::string& zone); ///< `...HH:MM:SS`
[[nodiscard]] std::string server_minute(TimePoint when, const std::string& zone); ///< `...HH:MM`

/// How far before the last look the next one begins: covers the coarseness of clocks and imports
/// that were under way; around a change between summer and winter time also the hour that a local
/// time names twice, or that a server puts elsewhere.
[[nodiscard]] std::chrono::seconds overlap(TimePoint since, const std::string& zone);

} // namespace fiona::redcap
