// SPDX-License-Identifier: MIT
#include "libfiona/site/timers.h"

#include "libfiona/base/crontab.h"
#include "libfiona/base/error.h"
#include "libfiona/base/text.h"
#include "libfiona/site/places.h"

#include <algorithm>
#include <array>
#include <filesystem>

namespace fiona::site {

namespace {

using cron::Field;

constexpr std::array<std::string_view, 8> weekdays{"Sun", "Mon", "Tue", "Wed",
                                                   "Thu", "Fri", "Sat", "Sun"};

std::string written(unsigned value, Field field)
{
    return field == Field::weekday ? std::string{weekdays.at(value)} : fmt::format("{:02}", value);
}

/// One by one: a week of systemd begins on Monday, it knows no Sun..Wed.
std::string days_between(const cron::Item& item)
{
    auto days = written(item.first, Field::weekday);
    for (auto day = item.first + 1; day <= item.last; ++day) {
        days += "," + written(day, Field::weekday);
    }
    return days;
}

std::string range_of(const cron::Item& item, Field field)
{
    const bool has_step = item.step > 1 && item.first + item.step <= item.last;
    if (has_step && field == Field::weekday) {
        throw Error{Fault::config, "a step of weekdays has no match in systemd.time(7)"};
    }
    if (item.step > 1 && !has_step) {
        return written(item.first, field); // no other value comes
    }
    if (item.is_all) {
        return has_step ? fmt::format("{}/{}", written(item.first, field), item.step) : "*";
    }
    if (field == Field::weekday) {
        return days_between(item);
    }
    auto range = written(item.first, field);
    if (item.last != item.first) {
        range += ".." + written(item.last, field);
    }
    return has_step ? fmt::format("{}/{}", range, item.step) : range;
}

std::string list_of(const cron::Items& items, Field field)
{
    std::string list;
    for (const auto& item : items) {
        list += (list.empty() ? "" : ",") + range_of(item, field);
    }
    return list;
}

/// Takes the next word off `line`.
std::string_view next_word(std::string_view& line)
{
    line = trimmed(line);
    const auto word = line.substr(0, line.find_first_of(" \t"));
    line.remove_prefix(word.size());
    return word;
}

/// The words of a crontab's line behind its schedule.
struct Job {
    std::string nice;
    std::string name;
    std::string command;
    std::string tool;
    std::string log;
};

Job job_of(std::string_view rest)
{
    Job job;
    auto word = next_word(rest);
    if (word == "nice") {
        next_word(rest); // -n
        job.nice = next_word(rest);
        word = next_word(rest);
    }
    if (word != "flock") {
        return {}; // a daemon's start
    }
    for (word = next_word(rest); word.starts_with('-'); word = next_word(rest)) {
        if (word == "-E") {
            next_word(rest);
        }
    }
    job.name = std::filesystem::path{word}.stem().native();
    job.command = trimmed(rest.substr(0, rest.find(">>")));
    job.tool = std::filesystem::path{split(job.command, ' ').front()}.filename().native();
    if (job.tool == "fiona-heartbeat") {
        job.command += " --supervised"; // systemd restarts the daemons itself
    }
    const auto log = rest.find(">>");
    if (job.name.empty() || job.tool.empty() || log == std::string_view::npos) {
        throw Error{Fault::config, "a line is not \"flock ... LOCK PROGRAM ... >> LOG 2>&1\""};
    }
    rest.remove_prefix(log + 2);
    job.log = next_word(rest);
    return job;
}

/// Container engines and sandboxes build walls of their own, which the service's would forbid.
bool starts_containers(std::string_view tool)
{
    return tool == "fiona-run-one-job";
}

/// Exit codes that say how the site stands, not that the job failed.
std::string_view no_failures(std::string_view tool)
{
    if (tool == "fiona-status") {
        return "1 2 75"; // the page is written; it says what waits for whom
    }
    return tool == "fiona-heartbeat" ? "1 75" : "75"; // 1: restarted, and works
}

TimedJob timed_job(const Job& job, const std::string& calendar, const JobTemplates& templates)
{
    auto service = templates.service;
    if (starts_containers(job.tool)) {
        service.resize(std::min(service.size(), service.find("# Walls.")));
    }
    const auto fill = [&](std::string text) {
        const auto nice = job.nice.empty() ? std::string{} : "Nice=" + job.nice;
        // What a missed night would have done is done in the morning; a missed minute is not.
        const auto* const persistent = calendar.find("*:") == std::string::npos ? "yes" : "no";
        for (const auto& [name, value] :
             std::initializer_list<std::pair<std::string_view, std::string>>{
                 {"@UNIT@", job.name},
                 {"@TOOL@", job.tool},
                 {"@NICE@\n", nice.empty() ? "" : nice + "\n"},
                 {"@COMMAND@", job.command},
                 {"@NO_FAILURES@", std::string{no_failures(job.tool)}},
                 {"@LOG@", job.log},
                 {"@CALENDAR@", calendar},
                 {"@PERSISTENT@", persistent}}) {
            text = replaced(std::move(text), name, value);
        }
        return text;
    };
    return {job.name, fill(service), fill(templates.timer)};
}

} // namespace

std::string calendar_of(std::string_view schedule)
{
    const auto fields = cron::Fields::parse(schedule);
    const auto at = [&](Field field) { return list_of(fields.at(field), field); };
    if (at(Field::day) != "*" && at(Field::weekday) != "*") {
        throw Error{Fault::config, "both a day of the month and a weekday: cron means either, "
                                   "systemd both; make it two lines"};
    }
    const auto weekday = at(Field::weekday);
    const bool every_hour = weekday == "*" && at(Field::month) == "*" && at(Field::day) == "*"
                            && at(Field::hour) == "*";
    return fmt::format("{}*-{}-{} {}:{}:00{}", weekday == "*" ? "" : weekday + " ",
                       at(Field::month), at(Field::day), at(Field::hour), at(Field::minute),
                       every_hour ? " UTC" : "");
}

std::vector<TimedJob> timed_jobs(std::string_view crontab, const JobTemplates& templates)
{
    std::vector<TimedJob> jobs;
    for (const auto& line : cron::lines_of(crontab)) {
        if (const auto job = job_of(line.command); !job.name.empty()) {
            jobs.push_back(timed_job(job, calendar_of(line.schedule), templates));
        }
    }
    return jobs;
}

} // namespace fiona::site
