// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "tests/support/forked_child.h"
#include "tests/support/old_site.h"

#include <catch2/catch.hpp>

#include <random>

using namespace fiona;

namespace {

constexpr unsigned studies = 12;

/// Every study is whole or gone, but for one in the trash.
bool is_legal(const OldSite& site)
{
    unsigned broken = 0;
    for (unsigned n = 1; n <= studies; ++n) {
        broken += site.is_there(n) < 0 ? 1U : 0U;
    }
    return broken <= 1;
}

bool is_emptied(const std::filesystem::path& trash)
{
    return !std::filesystem::exists(trash) || std::filesystem::is_empty(trash);
}

} // namespace

TEST_CASE("clear_old killed at any moment is finished by the next run and takes nothing else")
{
    std::mt19937 random{
        20261121}; // NOLINT(cert-msc32-c,cert-msc51-cpp) the same moments every time
    constexpr int rounds = 100;
    int killed = 0;
    for (int round = 0; round < rounds; ++round) {
        OldSite site{studies};
        site.assigned = {1, 4};
        site.fill(95);
        site.order.max_used = 60;
        {
            ForkedChild child{[&] { static_cast<void>(site.clear()); }};
            std::this_thread::sleep_for(std::chrono::microseconds{random() % 12'000});
            child.kill();
            ++killed;
        }
        CAPTURE(round, killed);
        REQUIRE(is_legal(site));

        const auto report = site.clear();

        REQUIRE(report.is_goal_reached);
        REQUIRE(is_emptied(site.paths.archive() / ".trash"));
        REQUIRE(is_emptied(site.paths.raw() / ".trash"));
        // The oldest unassigned ones, and no more than were needed.
        REQUIRE(site.studies_there(studies) == std::vector<unsigned>{1, 4, 7, 8, 9, 10, 11, 12});
        for (const auto n : site.studies_there(studies)) {
            REQUIRE(site.is_there(n) == 1);
        }
        REQUIRE(site.clear().removed.empty());
    }
}
