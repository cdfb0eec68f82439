// SPDX-License-Identifier: MIT
#include "libfiona/status/crontab.h"

#include "libfiona/base/text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <ctime>
#include <utility>

namespace fiona::status {

namespace {

std::optional<std::size_t> number_in(std::string_view text)
{
    std::size_t number = 0;
    const auto* const last = text.data() + text.size();
    const auto [end, problem] = std::from_chars(text.data(), last, number);
    return problem == std::errc{} && end == last && !text.empty() ? std::optional{number}
                                                                  : std::nullopt;
}

/// One item of a list: `*`, `5`, `1-5`, each with `/step`. False if it is none of that, or out of range.
template <std::size_t Size>
bool add_item(std::string_view item, std::size_t least, std::size_t most, std::bitset<Size>& field)
{
    std::size_t step = 1;
    if (const auto slash = item.find('/'); slash != std::string_view::npos) {
        const auto given = number_in(item.substr(slash + 1));
        if (!given || *given == 0) {
            return false;
        }
        step = *given;
        item = item.substr(0, slash);
    }
    auto first = least;
    auto last = most;
    if (item != "*") {
        const auto dash = item.find('-');
        const auto from = number_in(item.substr(0, dash));
        const auto to = dash == std::string_view::npos ? from : number_in(item.substr(dash + 1));
        if (!from || !to || *from < least || *to > most || *from > *to) {
            return false;
        }
        first = *from;
        last = *to;
    }
    for (auto value = first; value <= last; value += step) {
        field.set(value % Size);
    }
    return true;
}

template <std::size_t Size>
bool add_field(std::string_view text, std::size_t least, std::size_t most, std::bitset<Size>& field)
{
    return std::ranges::all_of(split(text, ','), [&](std::string_view item) {
        return add_item(item, least, most, field);
    });
}

std::string_view expanded(std::string_view text)
{
    constexpr std::array<std::pair<std::string_view, std::string_view>, 5> names{
        {{"@hourly", "0 * * * *"},
         {"@daily", "0 0 * * *"},
         {"@midnight", "0 0 * * *"},
         {"@weekly", "0 0 * * 0"},
         {"@monthly", "0 0 1 * *"}}};
    const auto* const found =
        std::ranges::find(names, text, &std::pair<std::string_view, std::string_view>::first);
    return found == names.end() ? text : found->second;
}

std::vector<std::string_view> words_of(std::string_view line)
{
    std::vector<std::string_view> words;
    for (std::size_t at = 0; at < line.size();) {
        const auto begin = line.find_first_not_of(" \t", at);
        if (begin == std::string_view::npos) {
            break;
        }
        const auto end = std::min(line.find_first_of(" \t", begin), line.size());
        words.push_back(line.substr(begin, end - begin));
        at = end;
    }
    return words;
}

/// The part of a path behind the last slash.
std::string_view base_name(std::string_view path)
{
    return path.substr(path.rfind('/') + 1);
}

bool is_our_tool(std::string_view word)
{
    const auto name = base_name(word);
    return name.starts_with("fiona-") && name.find('.') == std::string_view::npos;
}

std::optional<store::RunName> command_in(const std::vector<std::string_view>& words)
{
    const auto tool = std::ranges::find_if(words, is_our_tool);
    if (tool == words.end()) {
        return std::nullopt;
    }
    store::RunName name{
        .tool = std::string{base_name(*tool)}, .commands = {}, .project = {}, .part = {}};
    bool is_command = true;
    for (auto word = tool + 1; word != words.end(); ++word) {
        if (*word == "|" || word->starts_with('>') || *word == "&&" || *word == ";") {
            break;
        }
        is_command = is_command && !word->starts_with('-');
        if (is_command) {
            name.commands.emplace_back(*word);
        }
        if (*word == "--project" && word + 1 != words.end()) {
            name.project = *(word + 1);
        }
    }
    return name;
}

} // namespace

std::optional<Schedule> Schedule::parse(std::string_view text)
{
    constexpr std::size_t sunday_again = 7;
    const auto words = words_of(expanded(text));
    Schedule schedule;
    std::bitset<8> weekdays;
    if (words.size() != 5 || !add_field(words[0], 0, 59, schedule.m_minutes)
        || !add_field(words[1], 0, 23, schedule.m_hours)
        || !add_field(words[2], 1, 31, schedule.m_days)
        || !add_field(words[3], 1, 12, schedule.m_months)
        || !add_field(words[4], 0, sunday_again, weekdays)) {
        return std::nullopt;
    }
    for (std::size_t day = 0; day <= sunday_again; ++day) {
        if (weekdays[day]) {
            schedule.m_weekdays.set(day % sunday_again);
        }
    }
    schedule.m_any_day = words[2].starts_with('*');
    schedule.m_any_weekday = words[4].starts_with('*');
    return schedule;
}

bool Schedule::fits_day(const std::tm& day) const
{
    const bool day_fits = m_days[static_cast<std::size_t>(day.tm_mday)];
    const bool weekday_fits = m_weekdays[static_cast<std::size_t>(day.tm_wday)];
    if (!m_months[static_cast<std::size_t>(day.tm_mon) + 1]) {
        return false;
    }
    return m_any_day || m_any_weekday ? day_fits && weekday_fits : day_fits || weekday_fits;
}

std::optional<TimePoint> Schedule::next(TimePoint when) const
{
    constexpr int most_days = 400;
    constexpr std::time_t minute = 60;
    auto seconds = Clock::to_time_t(when);
    seconds += minute - seconds % minute;
    for (int days = 0; days < most_days;) {
        std::tm local{};
        if (::localtime_r(&seconds, &local) == nullptr) {
            return std::nullopt;
        }
        if (!fits_day(local)) {
            ++days;
            std::tm tomorrow{};
            tomorrow.tm_year = local.tm_year;
            tomorrow.tm_mon = local.tm_mon;
            tomorrow.tm_mday = local.tm_mday + 1;
            tomorrow.tm_isdst = -1;
            seconds = std::max(::mktime(&tomorrow), seconds + minute);
        } else if (!m_hours[static_cast<std::size_t>(local.tm_hour)]) {
            days += local.tm_hour == 23 ? 1 : 0;
            seconds += minute * (60 - local.tm_min);
        } else if (!m_minutes[static_cast<std::size_t>(local.tm_min)]) {
            days += local.tm_hour == 23 && local.tm_min == 59 ? 1 : 0;
            seconds += minute;
        } else {
            return Clock::from_time_t(seconds);
        }
    }
    return std::nullopt;
}

std::vector<CronJob> read_crontab(std::string_view text)
{
    std::vector<CronJob> jobs;
    for (const auto raw : split(text, '\n')) {
        const auto line = trimmed(raw);
        auto words = words_of(line);
        const std::size_t fields = line.starts_with('@') ? 1 : 5;
        if (line.empty() || line.starts_with('#') || words.size() <= fields) {
            continue;
        }
        std::string schedule;
        for (std::size_t i = 0; i < fields; ++i) {
            schedule += (i == 0 ? "" : " ") + std::string{words[i]};
        }
        words.erase(words.begin(), words.begin() + static_cast<std::ptrdiff_t>(fields));
        auto due = Schedule::parse(schedule);
        auto name = command_in(words);
        if (due && name) {
            jobs.push_back({std::move(schedule), *due, std::move(*name)});
        }
    }
    return jobs;
}

namespace {

bool is_overdue(const Schedule& due, TimePoint last_start, TimePoint now)
{
    constexpr std::chrono::seconds least{120};
    constexpr std::chrono::seconds most{3600};
    const auto expected = due.next(last_start);
    const auto after = expected ? due.next(*expected) : std::nullopt;
    if (!after) {
        return false;
    }
    const auto interval = std::chrono::duration_cast<std::chrono::seconds>(*after - *expected);
    return now > *expected + std::clamp(interval / 10, least, most);
}

} // namespace

std::vector<JobState> job_states(const std::vector<CronJob>& jobs,
                                 const std::vector<store::KnownRun>& runs,
                                 std::optional<TimePoint> known_since, TimePoint now)
{
    std::vector<JobState> states;
    for (const auto& job : jobs) {
        JobState state{job, std::nullopt, false};
        const auto found = std::ranges::find_if(
            runs, [&](const store::KnownRun& run) { return run.run.name == job.name; });
        if (found != runs.end()) {
            state.run = *found;
            const auto newest =
                found->last ? std::max(found->run.started, found->last->ended) : found->run.started;
            state.is_overdue =
                found->state != store::KnownRun::State::running && is_overdue(job.due, newest, now);
        } else {
            state.is_overdue = known_since && is_overdue(job.due, *known_since, now);
        }
        states.push_back(std::move(state));
    }
    return states;
}

} // namespace fiona::status
