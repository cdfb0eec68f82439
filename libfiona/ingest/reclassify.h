// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/config.h"
#include "libfiona/base/mode.h"
#include "libfiona/classify/rules.h"

#include <cstddef>

namespace fiona::ingest {

struct Reclassified {
    std::size_t series = 0;
    std::size_t changed = 0;
    std::size_t unreadable = 0; ///< images; their series keep the types they had
    std::size_t skipped = 0;    ///< studies that could not be looked at or written
};

/// Finds ClassifyType and ClassifyVeto of each series of the study anew, from all of its images.
/// A JSON is written only if they changed. Throws Error{Fault::missing} for an unknown study.
Reclassified reclassify(const Config& config, const classify::Rules& rules, const StudyUid& study,
                        Mode mode);

/// The same for every study; one that fails is logged, counted, and stops no other.
Reclassified reclassify_all(const Config& config, const classify::Rules& rules, Mode mode);

} // namespace fiona::ingest
