// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/config.h"
#include "libfiona/base/dates.h"
#include "libfiona/base/mode.h"

#include <chrono>
#include <string>

namespace fiona::store {

/// The clock on the wall, and beside it the one that nobody can set.
struct ClockReading {
    TimePoint now{};
    std::chrono::seconds since_boot{}; ///< time asleep included
    std::string boot{};                ///< another one each time the machine starts
};

/// `now` and the machine's /proc/uptime. Throws Error{Fault::io} if that cannot be read.
[[nodiscard]] ClockReading read_clocks(TimePoint now);

/// A clock that jumps by a year makes every file and every row look a year old. So each run of those who
/// remove by age notes both clocks in .status/clock-<who>.json, and the next one compares: what went by on the
/// wall must have gone by since the boot too, to an hour; after another boot the wall may not be behind, nor
/// ahead by more than a month. Else Error{Fault::temporary} with the remedy, and the note stays: it fits again
/// as soon as the clock is set right. A note that cannot be read is no note. With Mode::dry_run nothing is
/// written; a note that cannot be written, on a full disk, is left to the next run.
void check_clock(const Paths& paths, const std::string& who, Mode mode, const ClockReading& clocks);

} // namespace fiona::store
