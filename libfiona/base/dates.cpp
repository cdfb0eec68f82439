// SPDX-License-Identifier: MIT
#include "libfiona/base/dates.h"

#include "libfiona/base/number.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <ctime>

namespace fiona {

namespace {

std::optional<int> digits(std::string_view text)
{
    const auto value = read_number<int>(text);
    return value && text.front() != '-' ? value : std::nullopt;
}

struct Answer {
    TimePoint when;
    int hour = 0;     ///< on the clock at that time
    int tm_isdst = 0; ///< positive in summer time
};

Answer point_of_time(std::chrono::year_month_day day, int hour, int minute, int isdst)
{
    std::tm parts{};
    parts.tm_year = static_cast<int>(day.year()) - 1900;
    parts.tm_mon = static_cast<int>(static_cast<unsigned>(day.month())) - 1;
    parts.tm_mday = static_cast<int>(static_cast<unsigned>(day.day()));
    parts.tm_hour = hour;
    parts.tm_min = minute;
    parts.tm_isdst = isdst;
    const auto seconds = ::mktime(&parts); // also sets the fields to what the clock shows then
    return {Clock::from_time_t(seconds), parts.tm_hour, parts.tm_isdst};
}

} // namespace

std::optional<std::chrono::year_month_day> parse_da(std::string_view text)
{
    std::string compact{text};
    if (text.size() == 10 && text[4] == '.' && text[7] == '.') {
        compact = fmt::format("{}{}{}", text.substr(0, 4), text.substr(5, 2), text.substr(8, 2));
    }
    if (compact.size() != 8) {
        return std::nullopt;
    }
    const std::string_view view{compact};
    const auto year = digits(view.substr(0, 4));
    const auto month = digits(view.substr(4, 2));
    const auto day = digits(view.substr(6, 2));
    if (!year || !month || !day) {
        return std::nullopt;
    }
    const std::chrono::year_month_day date{std::chrono::year{*year},
                                           std::chrono::month{static_cast<unsigned>(*month)},
                                           std::chrono::day{static_cast<unsigned>(*day)}};
    return date.ok() ? std::optional{date} : std::nullopt;
}

std::string format_da(std::chrono::year_month_day day)
{
    return fmt::format("{:04}{:02}{:02}", static_cast<int>(day.year()),
                       static_cast<unsigned>(day.month()), static_cast<unsigned>(day.day()));
}

std::string local_minute(TimePoint when)
{
    const auto seconds = Clock::to_time_t(std::chrono::floor<std::chrono::seconds>(when));
    std::tm parts{};
    ::localtime_r(&seconds, &parts);
    return fmt::format("{:%Y-%m-%d %H:%M}", parts);
}

std::optional<TimePoint> parse_local_minute(std::string_view text)
{
    if (text.size() != 16 || text[4] != '-' || text[7] != '-' || text[10] != ' '
        || text[13] != ':') {
        return std::nullopt;
    }
    const auto day =
        parse_da(fmt::format("{}{}{}", text.substr(0, 4), text.substr(5, 2), text.substr(8, 2)));
    const auto hour = digits(text.substr(11, 2));
    const auto minute = digits(text.substr(14, 2));
    if (!day || !hour || !minute || *hour > 23 || *minute > 59) {
        return std::nullopt;
    }
    // tm_isdst = -1 would let mktime(3) guess in the ambiguous hour, and its guess depends on what it
    // was asked before. Standard time is asked for first; what that calls summer time (isdst > 0) is
    // asked for as such. Only the hour left out in spring disagrees with both.
    const auto standard = point_of_time(*day, *hour, *minute, 0);
    if (standard.tm_isdst <= 0) {
        return standard.when;
    }
    const auto summer = point_of_time(*day, *hour, *minute, 1);
    return summer.tm_isdst > 0 && summer.hour == *hour ? summer.when : standard.when;
}

std::string iso8601_utc(TimePoint when)
{
    const auto seconds = std::chrono::floor<std::chrono::seconds>(when);
    const auto micros = std::chrono::floor<std::chrono::microseconds>(when) - seconds;
    return fmt::format("{:%FT%T}.{:06}Z", fmt::gmtime(Clock::to_time_t(seconds)), micros.count());
}

std::int64_t epoch_seconds(TimePoint when)
{
    return std::chrono::floor<std::chrono::seconds>(when).time_since_epoch().count();
}

} // namespace fiona
