// SPDX-License-Identifier: MIT
#include "libfiona/base/dates.h"

#include <catch2/catch.hpp>

#include <cstdlib>
#include <ctime>
#include <string>

using namespace fiona;
using namespace std::chrono;

namespace {

/// The time zone of the process for one test.
class TimeZone {
public:
    explicit TimeZone(const char* name)
    {
        ::setenv("TZ", name, 1);
        ::tzset();
    }
    TimeZone(const TimeZone&) = delete;
    TimeZone& operator=(const TimeZone&) = delete;
    ~TimeZone()
    {
        ::unsetenv("TZ");
        ::tzset();
    }
};

TimePoint utc(year_month_day day, hours h, minutes m)
{
    return sys_days{day} + h + m;
}

} // namespace

TEST_CASE("a DA is a day of the calendar in eight digits, or in the form of ACR-NEMA")
{
    CHECK(parse_da("20240229") == 2024y / February / 29d);
    CHECK(parse_da("2024.02.29") == 2024y / February / 29d);
    CHECK(parse_da("20000229") == 2000y / February / 29d);
    CHECK(format_da(1970y / January / 2d) == "19700102");
}

TEST_CASE("what is no day of the calendar is nothing")
{
    const auto* const text =
        GENERATE("", "20230229", "19000229", "20241301", "20240001", "20240100", "20240431",
                 "2024022", "202402290", "2024-02-29", "+0240229", "-0240229", " 0240229",
                 "2024.2.290", "20240x29", "20240229 ");
    CAPTURE(text);
    CHECK_FALSE(parse_da(text).has_value());
}

TEST_CASE("a local minute and a point of time are the same thing")
{
    const TimeZone oslo{"Europe/Oslo"};
    const auto winter = utc(2024y / January / 15d, 11h, 30min);
    const auto summer = utc(2024y / July / 15d, 10h, 30min);

    CHECK(local_minute(winter) == "2024-01-15 12:30");
    CHECK(local_minute(summer) == "2024-07-15 12:30");
    CHECK(parse_local_minute("2024-01-15 12:30") == winter);
    CHECK(parse_local_minute("2024-07-15 12:30") == summer);
    CHECK(local_minute(winter + 59s) == "2024-01-15 12:30");
}

TEST_CASE(
    "the hour that comes twice in autumn is taken as standard time, whatever was asked before")
{
    const TimeZone oslo{"Europe/Oslo"};
    const auto standard = utc(2024y / October / 27d, 1h, 30min);

    // mktime(3) guesses from its last answer: ask on both sides of the change first.
    const auto* const before = GENERATE("2024-07-01 12:00", "2024-12-01 12:00");
    REQUIRE(parse_local_minute(before).has_value());

    CHECK(parse_local_minute("2024-10-27 02:30") == standard);
    CHECK(local_minute(standard) == "2024-10-27 02:30");
    CHECK(local_minute(standard - 1h) == "2024-10-27 02:30");
    CHECK(parse_local_minute("2024-10-27 01:30") == utc(2024y / October / 26d, 23h, 30min));
    CHECK(parse_local_minute("2024-10-27 03:30") == utc(2024y / October / 27d, 2h, 30min));
}

TEST_CASE("the hour that is left out in spring is the one behind the change")
{
    const TimeZone oslo{"Europe/Oslo"};

    CHECK(parse_local_minute("2024-03-31 01:30") == utc(2024y / March / 31d, 0h, 30min));
    CHECK(parse_local_minute("2024-03-31 02:30") == utc(2024y / March / 31d, 1h, 30min));
    CHECK(parse_local_minute("2024-03-31 03:30") == utc(2024y / March / 31d, 1h, 30min));
}

TEST_CASE("a zone without summer time, and the years before 1970, are no exception")
{
    const TimeZone kolkata{"Asia/Kolkata"};

    CHECK(parse_local_minute("2024-07-15 12:30") == utc(2024y / July / 15d, 7h, 0min));
    CHECK(local_minute(utc(1969y / December / 31d, 0h, 0min)) == "1969-12-31 05:30");
    CHECK(parse_local_minute("1970-01-01 05:29") == utc(1969y / December / 31d, 23h, 59min));
}

TEST_CASE("a local minute has exactly one form")
{
    const auto* const text =
        GENERATE("", "2024-01-15", "2024-01-15T12:30", "2024-01-15 12:30:00", "2024-01-15 24:00",
                 "2024-01-15 12:60", "2024-02-30 12:00", "2024-01-15 -1:30", "2024/01/15 12:30");
    CAPTURE(text);
    CHECK_FALSE(parse_local_minute(text).has_value());
}

TEST_CASE("ISO 8601 is UTC with microseconds, in any zone")
{
    const TimeZone oslo{"Europe/Oslo"};
    const auto when = TimePoint{sys_days{2026y / March / 1d} + 4h + 5min + 6s} + 789012us;

    CHECK(iso8601_utc(when) == "2026-03-01T04:05:06.789012Z");
    CHECK(iso8601_utc(TimePoint{} - 1us) == "1969-12-31T23:59:59.999999Z");
    CHECK(epoch_seconds(TimePoint{} + 1999ms) == 1);
    CHECK(epoch_seconds(TimePoint{} - 1ms) == -1);
}

TEST_CASE("a time to wait for, or that was a moment ago, lies no further ahead than anybody can "
          "have meant")
{
    const auto now = utc(2026y / March / 1d, 12h, 0min);

    CHECK(is_awaited(now + 5min, now, 5min));
    CHECK_FALSE(is_awaited(now + 5min + 1s, now, 5min)); // the clock was set back
    CHECK_FALSE(is_awaited(now, now, 5min));
    CHECK_FALSE(is_awaited(now - 1s, now, 5min));
    CHECK_FALSE(is_awaited(TimePoint{}, now, 5min));
    CHECK_FALSE(is_awaited(now + 5min, TimePoint::max(), 5min));

    CHECK(is_younger(now - 59s, now, 60s));
    CHECK_FALSE(is_younger(now - 60s, now, 60s));
    CHECK(is_younger(now + 59s, now, 60s));
    CHECK_FALSE(is_younger(now + 60s, now, 60s));
}
