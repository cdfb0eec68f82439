// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace fiona {

using Clock = std::chrono::system_clock;
using TimePoint = Clock::time_point;

/// Seconds since 1970 up to which a file's number is believed: 2255; a TimePoint, 64-bit nanoseconds, ends in 2262.
constexpr std::int64_t end_of_clock = 9'000'000'000;

/// A clock that was ahead and is set right leaves times in the future. They are not to be waited for: one that is
/// further ahead than anybody can have meant is none.
///
/// Whether to wait until `when`; `longest`: the longest time that anybody is told to wait.
[[nodiscard]] constexpr bool is_awaited(TimePoint when, TimePoint now, Clock::duration longest)
{
    return when > now && when - now <= longest;
}
/// Whether `when` was less than `age` ago.
[[nodiscard]] constexpr bool is_younger(TimePoint when, TimePoint now, Clock::duration age)
{
    return now - when < age && when - now < age;
}

/// A DICOM DA value (PS3.5 §6.2: YYYYMMDD; the old YYYY.MM.DD is read too). Nothing if it is not
/// a day of the calendar.
[[nodiscard]] std::optional<std::chrono::year_month_day> parse_da(std::string_view text);
[[nodiscard]] std::string format_da(std::chrono::year_month_day day);

/// REDCap's datetime_ymd, `YYYY-MM-DD HH:MM`, local time of the process (TZ).
[[nodiscard]] std::string local_minute(TimePoint when);
/// Nothing unless `text` has exactly that form. The ambiguous hour of autumn is taken as standard.
[[nodiscard]] std::optional<TimePoint> parse_local_minute(std::string_view text);
/// `YYYY-MM-DDTHH:MM:SS.ffffffZ`, UTC.
[[nodiscard]] std::string iso8601_utc(TimePoint when);
/// Whole seconds since 1970, UTC.
[[nodiscard]] std::int64_t epoch_seconds(TimePoint when);

} // namespace fiona
