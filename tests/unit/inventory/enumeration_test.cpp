// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/inventory/enumeration.h"
#include "tests/support/scripted_finder.h"

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include <set>

using namespace fiona;
using inventory::Coverage;
using pacs::Keys;

namespace {

using std::chrono::sys_days;
using std::chrono::year;
constexpr sys_days today = year{2026} / 3 / 1;

Keys study(int number, const std::string& date, const std::string& patient)
{
    return {{"StudyInstanceUID", fmt::format("2.25.{}", number)},
            {"StudyDate", date},
            {"PatientID", patient}};
}

/// Three hundred studies: over years, a busy day, some without a date, one patient with many.
std::vector<Keys> busy_archive()
{
    std::vector<Keys> studies;
    for (int i = 0; i < 120; ++i) {
        studies.push_back(study(i,
                                fmt::format("{}{:02}{:02}", 1999 + i % 27, 1 + i % 12, 1 + i % 28),
                                fmt::format("DEMO_{:04}", i / 2)));
    }
    for (int i = 120; i < 240; ++i) {
        studies.push_back(study(i, "20240615", fmt::format("DEMO_{:04}", i)));
    }
    for (int i = 240; i < 280; ++i) {
        studies.push_back(study(i, "", fmt::format("undated{}", i)));
    }
    studies.push_back(study(280, "18950101", "old"));
    studies.push_back(study(281, "20991231", "new"));
    return studies;
}

struct Seen {
    std::multiset<std::string> uids;
    Coverage coverage;
};

Seen enumerate(const ScriptedFinder& finder, const inventory::Scope& scope,
               const inventory::Patience& patience = {})
{
    pacs::QuerySession session{finder.peer()};
    Seen seen;
    seen.coverage =
        inventory::enumerate_studies(session, scope, today, patience, [&](const Keys& found) {
            seen.uids.insert(found.at("StudyInstanceUID"));
        });
    return seen;
}

const inventory::Scope everything{{{"StudyInstanceUID", ""}, {"StudyDate", ""}, {"PatientID", ""}}};

} // namespace

TEST_CASE("an archive that answers everything at once is asked once")
{
    const ScriptedFinder finder{archive_of(busy_archive())};

    const auto seen = enumerate(finder, everything);

    CHECK(seen.coverage.queries == 1);
    CHECK(seen.coverage.splits == 0);
    CHECK(seen.uids.size() == busy_archive().size());
}

TEST_CASE("every study is found once, however the archive refuses long answers")
{
    const auto behaviour = GENERATE(TooMany::refuse, TooMany::give_up, TooMany::cut);
    const auto limit = GENERATE(7, 30, 100);
    const ScriptedFinder finder{
        archive_of(busy_archive(), static_cast<std::size_t>(limit), behaviour)};
    CAPTURE(limit, static_cast<int>(behaviour));

    const auto seen = enumerate(finder, everything);

    CHECK(seen.coverage.gaps.empty());
    CHECK(seen.uids.size() == busy_archive().size());
    CHECK(std::set<std::string>(seen.uids.begin(), seen.uids.end()).size() == seen.uids.size());
    CHECK(seen.coverage.studies == busy_archive().size());
    CHECK(finder.associations() == 1);
}

TEST_CASE("an archive that cuts in secret is found out by a round number or by its known limit")
{
    SECTION("a round number")
    {
        const ScriptedFinder finder{archive_of(busy_archive(), 100, TooMany::cut_in_secret)};
        CHECK(enumerate(finder, everything).uids.size() == busy_archive().size());
    }
    SECTION("its known limit")
    {
        const ScriptedFinder finder{archive_of(busy_archive(), 37, TooMany::cut_in_secret)};
        CHECK(enumerate(finder, everything, {.max_answers = 37}).uids.size()
              == busy_archive().size());
    }
}

TEST_CASE("a patient with more studies on one day than the archive answers is a gap")
{
    std::vector<Keys> studies;
    for (int i = 0; i < 30; ++i) {
        studies.push_back(study(i, "20240615", "DEMO_0001"));
    }
    const ScriptedFinder finder{archive_of(studies, 10, TooMany::cut)};

    const auto seen = enumerate(finder, everything);

    REQUIRE(seen.coverage.gaps.size() == 1);
    CHECK(seen.coverage.gaps.front().starts_with("20240615: "));
    CHECK(seen.coverage.gaps.front().find("DEMO_0001") == std::string::npos);
    CHECK(seen.uids.size() == 10);
}

TEST_CASE("an archive that ignores what it is asked for is not asked for ever")
{
    const ScriptedFinder finder{[](const auto& /*level*/, const auto& /*keys*/) {
        auto studies = busy_archive();
        studies.resize(20);
        return ScriptedFinder::Answer{studies, 0xfe00, false};
    }};

    const auto seen = enumerate(finder, everything);

    CHECK_FALSE(seen.coverage.gaps.empty());
    CHECK(seen.uids.size() == 20);
    CHECK(finder.queries() < 3'000);
}

TEST_CASE("an archive that refuses everything is left alone after a while")
{
    const ScriptedFinder finder{[](const auto& /*level*/, const auto& /*keys*/) {
        return ScriptedFinder::Answer{{}, 0xa700, false};
    }};

    try {
        static_cast<void>(enumerate(finder, everything, {.max_refusals = 40}));
        FAIL("no error");
    } catch (const Error& e) {
        CHECK(e.fault() == Fault::temporary);
    }
    CHECK(finder.queries() == 41);
}

TEST_CASE("a status that no smaller question would change ends the enumeration")
{
    const ScriptedFinder finder{[](const auto& /*level*/, const auto& /*keys*/) {
        return ScriptedFinder::Answer{{}, 0xa900, false};
    }};

    CHECK_THROWS_AS(enumerate(finder, everything), Error);
    CHECK(finder.queries() == 1);
}

TEST_CASE("a range of days is all that is asked for")
{
    const ScriptedFinder finder{archive_of(busy_archive(), 30, TooMany::refuse)};
    auto scope = everything;
    scope.first = sys_days{year{2024} / 6 / 15};
    scope.last = sys_days{year{2024} / 6 / 15};

    CHECK(enumerate(finder, scope).uids.size() == 120);
}
