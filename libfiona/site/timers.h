// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>
#include <vector>

/// The crontab of a site as timers of systemd, for those who prefer them. The crontab is the source: a
/// line, its schedule, its niceness and its log file become a pair of units with the name of its lock.
namespace fiona::site {

/// The same times as systemd.time(7) writes them: "5 6 * * *" is "*-*-* 06:05:00". What comes in every
/// hour is written in UTC, "*/30 * * * *" as "*-*-* *:00/30:00 UTC": of an hour that the clock repeats in
/// autumn systemd leaves out the second one, and nothing may rest for an hour. Throws
/// Error{Fault::config} for what is no schedule of crontab(5), and for one that restricts both the
/// day of the month and the day of the week (cron means "either", systemd "both").
[[nodiscard]] std::string calendar_of(std::string_view schedule);

/// Two files: NAME.service and NAME.timer.
struct TimedJob {
    std::string name;    ///< of the units: that of the line's lock
    std::string service; ///< text; @PLACES@ of the site are left in it
    std::string timer;
};
struct JobTemplates {
    std::string service;
    std::string timer;
};

/// The active lines of `crontab` but for those that start a daemon (they take no lock, and have units of
/// their own). Throws Error{Fault::config} for a line that cannot be read.
[[nodiscard]] std::vector<TimedJob> timed_jobs(std::string_view crontab,
                                               const JobTemplates& templates);

} // namespace fiona::site
