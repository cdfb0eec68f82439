// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/jobs/job_record.h"
#include "libfiona/jobs/job_settings.h"

#include <string>

namespace fiona::jobs {

enum class TaskEnd {
    ran,       ///< to an end, whatever that was: JobRecords::exit_of() tells
    not_mine,  ///< the record is of another attempt by now, or needs no run: nothing was begun
    is_running ///< somebody runs it: nothing was begun
};

/// Runs the program of one attempt, on the machine that calls this, and waits for its end. Holds
/// JobRecords::run_lock() meanwhile. Standard output and errors go to `log/` below the output as they
/// come, 64 MiB of each at most, and never through a link that the program has made. After
/// ImageSettings::time, or when the output is larger than ImageSettings::output_bytes, it is ended with
/// all that it began.
///
/// Throws Error{Fault::unreachable} if the engine is not there; JobExit::stopped is then `engine`.
[[nodiscard]] TaskEnd run_task(const JobSettings& settings, const JobRecords& records,
                               const std::string& id, unsigned attempt);

/// Which one a task of an array of Slurm is, by its environment. Throws Error{Fault::missing}.
[[nodiscard]] JobRecords::BatchTask slurm_task(const JobRecords& records, const std::string& batch);

} // namespace fiona::jobs
