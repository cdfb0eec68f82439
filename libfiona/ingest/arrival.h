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
};

struct Arrivals {
    std::size_t studies = 0;   ///< put into incoming.txt
    std::size_t series = 0;    ///< checked
    std::size_t repaired = 0;  ///< of them, with a wrong NumFiles
    std::size_t skipped = 0;   ///< studies that were de-identified before they came
    std::size_t waiting = 0;   ///< not quiet yet, still arriving, or not yet sorted
    std::size_t postponed = 0; ///< claimed, and to be handled by the next run
    std::size_t failed = 0;    ///< set aside in .failed/
};

/// Handles every arrival mark that has been quiet for long enough (store/arrival_marks.h has the
/// state table): a series gets its NumFiles checked, a study its line in incoming.txt.
Arrivals detect_arrivals(const Config& config, TimePoint now, const ArrivalOptions& options);

} // namespace fiona::ingest
