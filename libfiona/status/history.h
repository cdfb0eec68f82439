// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/config.h"
#include "libfiona/base/dates.h"
#include "libfiona/base/mode.h"

#include <cstdint>
#include <optional>
#include <vector>

/// How the site stood over time: `<state>/status/history.csv`, one line for each summary, thinned as it grows
/// old (five minutes for two days, an hour for sixty days, a day for eight hundred): at most 3000 lines.
namespace fiona::status {

struct HistoryPoint {
    TimePoint when;
    std::uint64_t spool = 0;            ///< entries
    std::uint64_t spool_seconds = 0;    ///< age of the oldest
    std::uint64_t requests = 0;         ///< not yet done, held ones apart
    std::uint64_t request_seconds = 0;  ///< age of the oldest
    std::uint64_t received_objects = 0; ///< total of the receiver
    std::uint64_t received_bytes = 0;   ///< likewise
    std::uint64_t disk_used_bytes = 0;  ///< of the archive's file system
    std::uint64_t disk_total_bytes = 0;

    friend bool operator==(const HistoryPoint&, const HistoryPoint&) = default;
};

/// Oldest first. A line that cannot be read is left out.
[[nodiscard]] std::vector<HistoryPoint> read_history(const Paths& paths);

/// The same with `now` at the end, kept on disk unless this is a dry run or another process keeps it now.
[[nodiscard]] std::vector<HistoryPoint> extend_history(const Paths& paths, const HistoryPoint& now,
                                                       Mode mode);

/// When the disk will be full if it goes on as in the last seven days; nothing if it does not grow, or
/// less than a day of that is known.
[[nodiscard]] std::optional<TimePoint> full_when(const std::vector<HistoryPoint>& history);

} // namespace fiona::status
