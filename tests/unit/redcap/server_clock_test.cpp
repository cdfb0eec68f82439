// SPDX-License-Identifier: MIT
#include "libfiona/redcap/server_clock.h"

#include <catch2/catch.hpp>

#include <cstdlib>

using namespace fiona;
using namespace fiona::redcap;
using namespace std::chrono_literals;

TEST_CASE("times are the server's, wherever it stands, and ours stay as they were")
{
    const auto winter = Clock::from_time_t(1'704'190'000); // 2024-01-02 10:06:40 UTC
    const auto summer = Clock::from_time_t(1'720'000'000); // 2024-07-03 09:46:40 UTC
    const auto before = local_minute(winter);

    CHECK(server_second(winter, "Europe/Oslo") == "2024-01-02 11:06:40");
    CHECK(server_second(summer, "Europe/Oslo") == "2024-07-03 11:46:40");
    CHECK(server_minute(summer, "America/New_York") == "2024-07-03 05:46");
    CHECK(server_minute(winter, "") == before);
    CHECK(local_minute(winter) == before);
}

TEST_CASE("around a change of the clocks the next look begins an hour earlier")
{
    const auto spring = Clock::from_time_t(1'711'846'800); // 2024-03-31 01:00 UTC: 02:00 -> 03:00
    const auto autumn = Clock::from_time_t(1'729'990'800); // 2024-10-27 01:00 UTC: 03:00 -> 02:00

    for (const auto change : {spring, autumn}) {
        CHECK(overlap(change - 119min, "Europe/Oslo") == 3900s);
        CHECK(overlap(change, "Europe/Oslo") == 3900s);
        CHECK(overlap(change + 119min, "Europe/Oslo") == 3900s);
        CHECK(overlap(change - 3h, "Europe/Oslo") == 120s);
        CHECK(overlap(change + 3h, "Europe/Oslo") == 120s);
        CHECK(overlap(change, "Etc/UTC") == 120s);
    }
}
