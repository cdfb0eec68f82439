// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/store/clock_guard.h"
#include "tests/support/sorted_site.h"

#include <catch2/catch.hpp>

#include <optional>

using namespace fiona;
using Catch::Matchers::Contains;
using store::check_clock;
using namespace std::chrono_literals;

namespace {

constexpr auto day = std::chrono::hours{24};

struct Clocks {
    SortedSite site;
    TimePoint wall = Clock::from_time_t(1'760'000'000);
    std::chrono::seconds up{5000};
    std::string boot = "first";

    /// Time goes by for both clocks.
    void wait(std::chrono::seconds time)
    {
        wall += time;
        up += time;
    }
    void restart(std::chrono::seconds away)
    {
        wall += away;
        up = 60s;
        boot += "+";
    }
    [[nodiscard]] std::optional<Error> check(Mode mode = Mode::apply) const
    {
        try {
            check_clock(site.paths, "test", mode, {wall, up, boot});
            return std::nullopt;
        } catch (const Error& e) {
            return e;
        }
    }
};

} // namespace

TEST_CASE("time that goes by on both clocks is no jump, nor is a machine that was off for weeks")
{
    Clocks clocks;
    CHECK_FALSE(clocks.check());
    clocks.wait(100 * day);
    CHECK_FALSE(clocks.check());
    clocks.wall += 59min; // set right a little
    CHECK_FALSE(clocks.check());
    clocks.restart(30 * day);
    CHECK_FALSE(clocks.check());
}

TEST_CASE("a clock that jumps stops whoever asks, until it is set right or its note is removed")
{
    const auto by = GENERATE(std::chrono::hours{2}, std::chrono::hours{24 * 365},
                             std::chrono::hours{-2}, std::chrono::hours{-24 * 9000});
    Clocks clocks;
    REQUIRE_FALSE(clocks.check());
    clocks.wait(5min);
    clocks.wall += by;

    const auto first = clocks.check();
    REQUIRE(first);
    CHECK(first->fault() == Fault::temporary);
    CHECK_THAT(first->what(),
               Contains(std::to_string(by.count()) + " hours") && Contains("clock-test.json"));
    clocks.wait(5min);
    CHECK(clocks.check()); // nobody gets used to it

    SECTION("set right")
    {
        clocks.wall -= by;
        CHECK_FALSE(clocks.check());
    }
    SECTION("said to be right")
    {
        std::filesystem::remove(clocks.site.paths.status() / "clock-test.json");
        CHECK_FALSE(clocks.check());
        clocks.wait(5min);
        CHECK_FALSE(clocks.check());
    }
}

TEST_CASE("after a restart a clock that is behind, or months ahead, is not believed")
{
    const auto away = GENERATE(std::chrono::hours{-2}, std::chrono::hours{24 * 365});
    Clocks clocks;
    REQUIRE_FALSE(clocks.check());

    clocks.restart(away);

    CHECK(clocks.check());
}

TEST_CASE("a dry run notes no clock, and a note that cannot be read is none")
{
    const Clocks clocks;
    const auto note = clocks.site.paths.status() / "clock-test.json";
    CHECK_FALSE(clocks.check(Mode::dry_run));
    CHECK_FALSE(std::filesystem::exists(note));

    for (const auto* const text : {"", "{", "{}", R"({"wall_s": "x", "since_boot_s": 1})"}) {
        store::write_file(note, text);
        CHECK_FALSE(clocks.check());
        CHECK_THAT(read_file(note), Contains("1760000000"));
    }
}

TEST_CASE("both clocks of this machine are read")
{
    const auto now = Clock::now();
    const auto first = store::read_clocks(now);
    CHECK(first.now == now);
    CHECK(first.since_boot > 0s);
    CHECK(first.boot.size() > 10);
    CHECK(store::read_clocks(now).boot == first.boot);
}
