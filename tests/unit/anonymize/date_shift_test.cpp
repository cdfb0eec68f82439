// SPDX-License-Identifier: MIT
#include "libfiona/anonymize/date_shift.h"
#include "libfiona/base/error.h"

#include <catch2/catch.hpp>

using namespace fiona;
using namespace fiona::anonymize;

namespace {

const ProjectName glioma{"GLIOMA"};
const ParticipantId subject{"GLI_001"};

DateMover fixed(int days)
{
    return {DateShift{DateShift::Kind::fixed, days}, glioma, subject, {}};
}

} // namespace

TEST_CASE("dates move by whole days of the calendar")
{
    const auto mover = fixed(42);

    CHECK(mover.move_dates("20240120") == "20240302"); // a leap year
    CHECK(mover.move_dates("2024.01.20 ") == "20240302");
    CHECK(mover.move_dates("20240120\\20240121") == "20240302\\20240303");
    CHECK(mover.move_dates("20240120-20240121") == "20240302-20240303");
    CHECK(mover.move_dates("-20240121") == "-20240303");
    CHECK(fixed(-1).move_dates("20240301") == "20240229");
}

TEST_CASE("what is no date vanishes and is never repaired")
{
    const auto* const text = GENERATE("", "2024", "20231401", "00000000", "2024-01-15", "HANSEN",
                                      "20240230", "2024011", "202401151", "20240115-HANSEN");
    CAPTURE(text);

    CHECK(fixed(42).move_dates(text).empty());
}

TEST_CASE("one bad date among good ones vanishes alone")
{
    CHECK(fixed(1).move_dates("20240101\\Hansen\\20240103") == "20240102\\20240104");
}

TEST_CASE("date-times keep their precision, time of day and zone")
{
    const auto mover = fixed(42);

    CHECK(mover.move_datetimes("20240229101112.123456+0100") == "20240411101112.123456+0100");
    CHECK(mover.move_datetimes("20240229101112-0500") == "20240411101112-0500");
    CHECK(mover.move_datetimes("20240229101112-20240301") == "20240411101112-20240412");
    CHECK(mover.move_datetimes("202402") == "202403");
    CHECK(mover.move_datetimes("2024") == "2024");
    CHECK(mover.move_datetimes("20240101\\20240102") == "20240212\\20240213");
}

TEST_CASE("a date-time that holds something else vanishes")
{
    const auto* const text =
        GENERATE("HANSEN", "20240229 Hansen", "20241301", "20240101Hansen", "1", "-");
    CAPTURE(text);

    CHECK(fixed(42).move_datetimes(text).empty());
}

TEST_CASE(
    "the shift of a subject depends on key, project and participant and lies 1 to 1460 days back")
{
    const std::vector<std::byte> key(32, std::byte{5});
    const DateShift by_subject;
    const DateMover one{by_subject, glioma, subject, key};
    const DateMover same{by_subject, glioma, subject, key};
    const DateMover other{by_subject, glioma, ParticipantId{"GLI_002"}, key};
    using std::chrono::sys_days;
    const std::chrono::year_month_day day{std::chrono::year{2020}, std::chrono::month{6},
                                          std::chrono::day{15}};
    const auto distance = (sys_days{day} - sys_days{one.move(day)}).count();

    CHECK(distance >= 1);
    CHECK(distance <= 1460);
    CHECK(same.move(day) == one.move(day));
    CHECK(other.move(day) != one.move(day));
    CHECK_THROWS_AS((DateMover{by_subject, glioma, subject, {}}), Error);
}
