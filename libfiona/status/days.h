// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/config.h"
#include "libfiona/base/dates.h"
#include "libfiona/base/json.h"
#include "libfiona/base/mode.h"
#include "libfiona/store/incoming_list.h"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

/// What happened on each day, remembered in `<state>/status/days.json`, so that neither the list of arrivals
/// nor the audit of transfers is read again from its beginning.
namespace fiona::status {

struct DayCounts {
    std::uint64_t arrived = 0; ///< studies
    std::uint64_t sent = 0;    ///< requests, as those that follow
    std::uint64_t failed = 0;
    std::uint64_t images = 0; ///< stored by the research PACS
    std::uint64_t bytes = 0;
    std::uint64_t masked = 0; ///< images in which burned-in text was hidden
    std::uint64_t held = 0;   ///< images that a person has to look at

    DayCounts& operator+=(const DayCounts& other);
    friend bool operator==(const DayCounts&, const DayCounts&) = default;
};

[[nodiscard]] json::Object as_json(const DayCounts& counts);

struct Days {
    std::map<std::string, DayCounts> days; ///< by local `YYYY-MM-DD`, the last 800
    DayCounts total;                       ///< since the memory began; it only grows
    TimePoint since;                       ///< when the memory began
};

/// Reads what is new: the lines of the list of arrivals (a line that went stays counted), and the audit of
/// transfers from where it was left, also across a rotation to `.1`. Remembers it unless this is a dry run or
/// another process does so now.
[[nodiscard]] Days update_days(const Paths& paths, const std::vector<store::IncomingLine>& arrivals,
                               TimePoint now, Mode mode);

/// Local `YYYY-MM-DD`.
[[nodiscard]] std::string local_day(TimePoint when);
/// The last `count` days with today as the last one.
[[nodiscard]] std::vector<std::string> last_days(TimePoint now, unsigned count);

} // namespace fiona::status
