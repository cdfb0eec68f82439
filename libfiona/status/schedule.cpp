// SPDX-License-Identifier: MIT
#include "libfiona/status/schedule.h"

#include "libfiona/base/text.h"

#include <algorithm>
#include <array>
#include <charconv>
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

} // namespace

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

} // namespace fiona::status
