// SPDX-License-Identifier: MIT
#include "libfiona/redcapd/rate_limit.h"

#include <catch2/catch.hpp>

#include <string>

using namespace std::chrono_literals;
using fiona::redcapd::RateLimit;

TEST_CASE("rate limit: a full bucket, then one request at a time, for each address")
{
    RateLimit limit{60};
    const RateLimit::Time start{1h};
    for (int i = 0; i < 60; ++i) {
        REQUIRE_FALSE(limit.refuse("a", start));
    }

    CHECK(limit.refuse("a", start) == 1s);
    CHECK_FALSE(limit.refuse("b", start));
    CHECK_FALSE(limit.refuse("a", start + 1s));
    CHECK(limit.refuse("a", start + 1s) == 1s);
    for (int i = 0; i < 60; ++i) { // never more than a minute's worth
        REQUIRE_FALSE(limit.refuse("a", start + 1h));
    }
    CHECK(limit.refuse("a", start + 1h));
}

TEST_CASE("rate limit: none by default, and many addresses are forgotten, not kept")
{
    RateLimit none{0};
    RateLimit limit{1};
    const RateLimit::Time start{1h};
    for (int i = 0; i < 30'000; ++i) {
        REQUIRE_FALSE(none.refuse("a", start));
        REQUIRE_FALSE(limit.refuse(std::to_string(i), start));
    }
}
