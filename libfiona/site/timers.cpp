// SPDX-License-Identifier: MIT
#include "libfiona/site/timers.h"

#include "libfiona/base/error.h"
#include "libfiona/base/text.h"
#include "libfiona/site/places.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>
#include <optional>

namespace fiona::site {

namespace {

enum class Field { minute, hour, day, month, weekday };

constexpr std::array<std::string_view, 8> weekdays{"Sun", "Mon", "Tue", "Wed",
                                                   "Thu", "Fri", "Sat", "Sun"};

struct Limits {
    int least = 0;
    int most = 0;
};
Limits limits_of(Field field)
{
    constexpr std::array<Limits, 5> all{{{0, 59}, {0, 23}, {1, 31}, {1, 12}, {0, 7}}};
    return all.at(static_cast<std::size_t>(field));
}

int number_of(std::string_view text, Field field)
{
    int value = -1;
    const auto* const end = text.data() + text.size();
    const auto limits = limits_of(field);
    if (const auto read = std::from_chars(text.data(), end, value);
        read.ec != std::errc{} || read.ptr != end || value < limits.least || value > limits.most) {
        throw Error{Fault::config, "\"{}\" is not from {} to {} (crontab(5))", text, limits.least,
                    limits.most};
    }
    return value;
}

std::string written(int value, Field field)
{
    return field == Field::weekday ? std::string{weekdays.at(static_cast<std::size_t>(value))}
                                   : fmt::format("{:02}", value);
}

/// One by one: a week of systemd begins on Monday, it knows no Sun..Wed.
std::string days_between(int first, int last)
{
    auto days = written(first, Field::weekday);
    for (int day = first + 1; day <= last; ++day) {
        days += "," + written(day, Field::weekday);
    }
    return days;
}

/// "5", "1-5", "*/10", "1-30/2".
std::string range_of(std::string_view text, Field field)
{
    std::string_view step;
    if (const auto slash = text.find('/'); slash != std::string_view::npos) {
        step = text.substr(slash + 1);
        text = text.substr(0, slash);
        if (field == Field::weekday) {
            throw Error{Fault::config, "a step of weekdays has no match in systemd.time(7)"};
        }
        if (number_of(step, field) == 0) {
            throw Error{Fault::config, "a step of 0 never comes"};
        }
    }
    std::string range;
    if (text == "*") {
        range = step.empty() ? "*" : written(limits_of(field).least, field);
    } else if (const auto dash = text.find('-'); dash != std::string_view::npos) {
        const int first = number_of(text.substr(0, dash), field);
        const int last = number_of(text.substr(dash + 1), field);
        if (last < first) {
            throw Error{Fault::config, "\"{}\" ends before it begins (crontab(5))", text};
        }
        range = field == Field::weekday ? days_between(first, last)
                                        : written(first, field) + ".." + written(last, field);
    } else {
        range = written(number_of(text, field), field);
    }
    return step.empty() ? range : fmt::format("{}/{}", range, step);
}

std::string list_of(std::string_view text, Field field)
{
    std::string list;
    for (const auto part : split(text, ',')) {
        list += (list.empty() ? "" : ",") + range_of(part, field);
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
    std::array<std::string_view, 5> fields;
    for (auto& field : fields) {
        field = next_word(schedule);
    }
    if (fields.back().empty() || !trimmed(schedule).empty()) {
        throw Error{Fault::config, "a schedule has five fields (crontab(5))"};
    }
    const auto at = [&](Field field) {
        return list_of(fields.at(static_cast<std::size_t>(field)), field);
    };
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
    for (auto line : split(crontab, '\n')) {
        line = trimmed(line);
        const bool is_schedule =
            !line.empty() && (line.front() == '*' || (line.front() >= '0' && line.front() <= '9'));
        if (!is_schedule) {
            continue; // a comment, or a variable
        }
        const auto* const begin = line.data();
        for (int field = 0; field < 5; ++field) {
            next_word(line);
        }
        const std::string_view schedule{begin, static_cast<std::size_t>(line.data() - begin)};
        if (const auto job = job_of(line); !job.name.empty()) {
            jobs.push_back(timed_job(job, calendar_of(schedule), templates));
        }
    }
    return jobs;
}

} // namespace fiona::site
