// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/config.h"
#include "libfiona/base/dates.h"
#include "libfiona/base/mode.h"

#include <chrono>
#include <cstddef>

namespace fiona::ingest {

struct ArrivalOptions {
    std::chrono::seconds quiet{16};
    std::chrono::seconds max_wait{3600}; ///< then a backlog or an open association counts no more
    Mode mode = Mode::apply;
    std::chrono::milliseconds between_looks{4000};
    std::size_t programs = 4; ///< of streams, at once
};

struct Arrivals {
    std::size_t studies = 0;   ///< put into incoming.txt
    std::size_t series = 0;    ///< checked
    std::size_t repaired = 0;  ///< of them, with a wrong NumFiles
    std::size_t skipped = 0;   ///< studies that were de-identified before they came
    std::size_t actions = 0;   ///< of streams, that ended well
    std::size_t waiting = 0;   ///< marks: not quiet yet, still arriving, or not yet sorted
    std::size_t postponed = 0; ///< marks: claimed, and to be tried again
    std::size_t failed = 0;    ///< marks: set aside in .failed/
};

/// Handles every arrival mark that has been quiet for long enough (store/arrival_marks.h has the
/// state table): a series gets its NumFiles checked, a study its line in incoming.txt; then the streams
/// that match run their actions. Returns when no action runs; until then it goes on looking for marks,
/// so that a long one holds up no other study.
Arrivals detect_arrivals(const Config& config, TimePoint now, const ArrivalOptions& options);

/// Does so until SIGTERM or SIGINT; programs that run then are ended, and run again by the next call.
/// SIGHUP reads the streams again, which is also done when their file has changed.
void watch_arrivals(const Config& config, const ArrivalOptions& options);

/// Moves every mark that was given up back to those that wait, whoever else is at work; how many.
std::size_t retry_failed_arrivals(const Config& config, Mode mode);

} // namespace fiona::ingest
