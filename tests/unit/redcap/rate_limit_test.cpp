// SPDX-License-Identifier: MIT
#include "libfiona/redcap/rate_limit.h"
#include "tests/support/temp_dir.h"

#include <catch2/catch.hpp>

#include <fstream>

using namespace fiona;
using namespace fiona::redcap;
using namespace std::chrono_literals;

namespace {

const TimePoint now = Clock::from_time_t(1'704'190'000);
constexpr auto patient = 10min;

} // namespace

TEST_CASE("no minute sees more calls than allowed, whoever makes them")
{
    const TempDir state;
    const RateLimit one{state.path, 300};
    const RateLimit other{state.path, 300};
    std::vector<TimePoint> calls;

    for (int i = 0; i < 1000; ++i) { // everybody calls at once and waits as told
        const auto wait = (i % 2 == 0 ? one : other).take(now, patient);
        REQUIRE(wait);
        calls.push_back(now + *wait);
    }

    CHECK(calls.at(59) == now);
    for (std::size_t i = 0; i + 300 < calls.size(); ++i) {
        REQUIRE(calls.at(i + 300) - calls.at(i) >= 1min);
    }
    CHECK(calls.back() - now < 5min); // and it is no slower than it must be
}

TEST_CASE("who cannot wait reserves nothing")
{
    const TempDir state;
    const RateLimit limit{state.path, 5};
    REQUIRE(limit.take(now, 0s) == 0ms);

    CHECK_FALSE(limit.take(now, 0s));
    CHECK_FALSE(limit.take(now, 0s));
    CHECK(limit.take(now, patient) == 15s);
}

TEST_CASE("a server that asks for silence is obeyed by all tools, for an hour at most")
{
    const TempDir state;
    const RateLimit one{state.path, 300};
    const RateLimit other{state.path, 300};

    one.hold(now, 30s);

    CHECK(other.take(now, patient) == 30s);
    CHECK_FALSE(other.take(now, 29s));
    CHECK(other.take(now + 31s, 0s) == 0ms);
    one.hold(now, 86400s);
    CHECK(other.take(now, 25h) == 1h);
}

TEST_CASE("a file of nonsense, or of a clock that was set back, holds nobody up")
{
    const TempDir state;
    const RateLimit limit{state.path, 300};
    const auto* const text = GENERATE("", "x", "17", "99999999999999999999 1", "\xff\xff",
                                      "9704190000000 9704190000000");
    std::ofstream{state / "redcap-rate"} << text;

    CHECK(limit.take(now, 0s) == 0ms);
}

TEST_CASE("without a limit, or a place to share it, there is no waiting and no file")
{
    const TempDir state;
    for (int i = 0; i < 1000; ++i) {
        REQUIRE(RateLimit{state.path, 0}.take(now, 0s) == 0ms);
        REQUIRE(RateLimit{"", 1}.take(now, 0s) == 0ms);
    }
    CHECK(std::filesystem::is_empty(state.path));
}
