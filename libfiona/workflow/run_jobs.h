// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/config.h"
#include "libfiona/base/error.h"
#include "libfiona/base/mode.h"
#include "libfiona/jobs/job_settings.h"
#include "libfiona/workflow/delivery.h"
#include "libfiona/workflow/upkeep.h"

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

/// The road of a job: from its line in the list over the program to the research PACS and REDCap. Its
/// state table stands in jobs/job_record.h.
namespace fiona::workflow {

struct Means {
    const Config& config;
    jobs::JobSettings settings;
    Peers peers;
    std::string program; ///< of `program task`, which runs one attempt: fiona-run-one-job(1)
};

struct Wanted {
    std::optional<std::string> job; ///< this one alone; else all
    Mode mode = Mode::apply;
};

struct JobResult {
    enum class State { waiting, running, done, failed, rejected } state = State::waiting;
    std::string id;
    std::string project;
    std::string image;
    std::string folder;
    std::size_t images = 0; ///< in the research PACS
    std::size_t values = 0; ///< in REDCap
    std::string reason;     ///< for people; no values of headers
};
[[nodiscard]] std::string_view state_name(JobResult::State state);

struct RunReport {
    std::vector<JobResult> jobs; ///< in the order of the list, with what was added meanwhile
    Upkeep upkeep;
    std::optional<Error> problem; ///< the gravest; nothing if all went its way
};

/// Works through the list until nothing runs on this machine any more; what Slurm has is looked at in the
/// next run. A job that failed, and a line that is none, is taken out of the list and kept with its
/// reason; what cannot be delivered now stays. With Mode::dry_run nothing is begun, sent or noted.
[[nodiscard]] RunReport run_jobs(const Means& means, const Wanted& wanted);

} // namespace fiona::workflow
