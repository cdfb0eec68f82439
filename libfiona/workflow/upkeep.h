// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/dates.h"
#include "libfiona/jobs/job_record.h"
#include "libfiona/jobs/job_settings.h"

#include <cstddef>

namespace fiona::workflow {

struct Upkeep {
    std::size_t removed = 0; ///< jobs whose folders went
    std::size_t kept = 0;    ///< old ones whose results were refused: a person has to look at them
};

/// Removes the folders of jobs that ended more than JobSettings::keep before `now`, a few in each run: of
/// those that are done, and of those whose program failed. What a program has made and nobody has taken
/// stays. Never of a job that runs or waits, and only below the site's folders; a mount point in
/// a folder, or anything that cannot be read, leaves it as it is.
[[nodiscard]] Upkeep remove_old_folders(const jobs::JobSettings& settings,
                                        const jobs::JobRecords& records, TimePoint now);

} // namespace fiona::workflow
