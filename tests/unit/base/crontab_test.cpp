// SPDX-License-Identifier: MIT
#include "libfiona/base/crontab.h"
#include "libfiona/base/error.h"

#include <catch2/catch.hpp>

using namespace fiona;
using cron::Field;

TEST_CASE("a schedule's fields are lists of numbers and ranges with steps")
{
    const auto fields = cron::Fields::parse(" */20\t1-5,7 1-30/2 *  0 ");

    const auto& minutes = fields.at(Field::minute);
    REQUIRE(minutes.size() == 1);
    CHECK(minutes[0].is_all);
    CHECK(minutes[0].last == 59);
    CHECK(minutes[0].step == 20);
    const auto& hours = fields.at(Field::hour);
    REQUIRE(hours.size() == 2);
    CHECK(hours[0].first == 1);
    CHECK(hours[0].last == 5);
    CHECK(hours[1].first == 7);
    CHECK(hours[1].last == 7);
    CHECK(fields.at(Field::day).front().step == 2);
    CHECK(fields.at(Field::month).front().is_all);
    CHECK_FALSE(fields.at(Field::weekday).front().is_all);
    CHECK(cron::Fields::parse("@weekly").at(Field::weekday).front().last == 0);
}

TEST_CASE("what is no schedule is refused with what is wrong with it")
{
    const auto [text, reason] =
        GENERATE(table<std::string, std::string>({{"* * * *", "five fields"},
                                                  {"@reboot", "five fields"},
                                                  {"60 * * * *", "\"60\" is not from 0 to 59"},
                                                  {"1,,2 * * * *", "\"\" is not from 0 to 59"},
                                                  {"* * 0 * *", "\"0\" is not from 1 to 31"},
                                                  {"* 6-5 * * *", "\"6-5\" ends before it begins"},
                                                  {"*/0 * * * *", "step"},
                                                  {"*/4294967295 * * * *", "step"},
                                                  {"* * * * mon", "\"mon\" is not from 0 to 7"}}));

    CHECK_THROWS_WITH(cron::Fields::parse(text), Catch::Contains(reason));
}

TEST_CASE("a crontab's lines are its schedules and commands, nothing else")
{
    const auto lines = cron::lines_of("MAILTO=\"\"\n"
                                      "# 1 2 3 4 5 never\n"
                                      "\n"
                                      "5  6\t* * *   /bin/run  a b \r\n"
                                      "@daily /bin/other\n"
                                      "1 2 3 4 5\n");

    REQUIRE(lines.size() == 2);
    CHECK(lines[0].schedule == "5 6 * * *");
    CHECK(lines[0].command == "/bin/run  a b");
    CHECK(lines[1].schedule == "@daily");
    CHECK(lines[1].command == "/bin/other");
}
