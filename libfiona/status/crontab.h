// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/dates.h"
#include "libfiona/store/run_record.h"

#include <bitset>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fiona::status {

/// The five fields of crontab(5), in local time: minute, hour, day of the month, month, day of the week.
class Schedule {
public:
    /// Numbers, `*`, lists, ranges and steps, and `@hourly`, `@daily`, `@weekly`, `@monthly`; names of
    /// months and days are not read. Nothing if the text is none of that.
    [[nodiscard]] static std::optional<Schedule> parse(std::string_view text);

    /// The first minute after `when` that fits; nothing within 400 days.
    [[nodiscard]] std::optional<TimePoint> next(TimePoint when) const;

private:
    [[nodiscard]] bool fits_day(const std::tm& day) const;

    std::bitset<60> m_minutes;
    std::bitset<24> m_hours;
    std::bitset<32> m_days;
    std::bitset<13> m_months;
    std::bitset<7> m_weekdays;
    /// crontab(5): if both days are restricted, one of them is enough.
    bool m_any_day = true, m_any_weekday = true;
};

/// A line of a crontab that runs a tool of ours.
struct CronJob {
    std::string schedule; ///< as it stands there
    Schedule due;
    store::RunName name; ///< of its records
};

/// Lines that run no fiona tool, comments and settings are left out; of a pipeline the first tool counts.
[[nodiscard]] std::vector<CronJob> read_crontab(std::string_view text);

/// What a job's last run says, held against its schedule.
struct JobState {
    CronJob job;
    std::optional<store::KnownRun> run; ///< nothing: it never ran
    bool is_overdue = false;            ///< its time came and went, and no run began
};

/// `grace` for a late start is a tenth of the interval, at least two minutes and at most an hour. A job that
/// never ran is overdue when the first run was due after `known_since`.
[[nodiscard]] std::vector<JobState> job_states(const std::vector<CronJob>& jobs,
                                               const std::vector<store::KnownRun>& runs,
                                               std::optional<TimePoint> known_since, TimePoint now);

} // namespace fiona::status
