// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/dates.h"
#include "libfiona/status/schedule.h"
#include "libfiona/store/run_record.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fiona::status {

/// A line of a crontab that runs a tool of ours.
struct CronJob {
    std::string schedule; ///< as it stands there
    Schedule due;
    store::RunName name; ///< the tool and the words behind it, up to the first option
    /// All words behind the tool that are no options: its sub-commands are among them, in this order.
    std::vector<std::string> words;
};

/// Lines that run no fiona tool, comments and settings are left out; of a pipeline the first tool counts.
[[nodiscard]] std::vector<CronJob> read_crontab(std::string_view text);

/// What a job's last run says, held against its schedule.
struct JobState {
    CronJob job;
    std::optional<store::KnownRun> run; ///< nothing: it never ran
    bool is_overdue = false;            ///< its time came and went, and no run began
};

/// A run is a job's if tool and project are the same and the job's words hold its sub-commands and its part;
/// of several the one that has most of them. The grace for a late start is a tenth of the interval, at least
/// two minutes and at most an hour. A job that never ran is overdue when the first run was due after
/// `known_since`.
[[nodiscard]] std::vector<JobState> job_states(const std::vector<CronJob>& jobs,
                                               const std::vector<store::KnownRun>& runs,
                                               std::optional<TimePoint> known_since, TimePoint now);

} // namespace fiona::status
