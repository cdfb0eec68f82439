// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/config.h"
#include "libfiona/base/ids.h"
#include "libfiona/status/step.h"

namespace fiona::status {

/// archive/scp_<Study>: how many objects, since when, the newest when.
[[nodiscard]] Step received_step(const Paths& paths, const StudyUid& study);
/// .spool/: entries of this study that wait or were given up.
[[nodiscard]] Step spool_step(const Paths& paths, const StudyUid& study);
/// raw/<Study>: series and images; fewer than in the archive with an empty spool needs reconcile.
[[nodiscard]] Step sorted_step(const Paths& paths, const StudyUid& study);
/// .arrived/ and incoming.txt: whether the study still arrives.
[[nodiscard]] Step arrival_step(const Paths& paths, const TimingConfig& timing,
                                const StudyUid& study, TimePoint now);

} // namespace fiona::status
