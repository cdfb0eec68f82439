// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/inventory/enumeration.h"
#include "tests/support/scripted_finder.h"

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include <cctype>
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

namespace {

/// Two studies for each patient, half of them on one day; a few without a date.
std::vector<Keys> migrated_archive()
{
    std::vector<Keys> studies;
    for (int i = 0; i < 160; ++i) {
        studies.push_back(
            study(i, i % 2 == 0 ? "20240615" : fmt::format("20{:02}0{}11", i % 20, 1 + i % 9),
                  fmt::format("DEMO_{:05}", i / 2)));
    }
    for (int i = 160; i < 170; ++i) {
        studies.push_back(study(i, "", fmt::format("DEMO_{:05}", i * 3)));
    }
    return studies;
}

bool is_like(char asked, char found)
{
    return std::tolower(asked) == std::tolower(found) || asked == '_' || asked == '%';
}

/// As Orthanc does: `_` and `%` match as SQL's wildcards, and upper case as lower case, until the
/// limit is reached; what does not match exactly is dropped from that.
ScriptedFinder::Script archive_by_like(std::vector<Keys> studies, std::size_t limit)
{
    return [studies = std::move(studies), limit](const std::string& level, const Keys& keys) {
        const auto asked = keys.contains("PatientID") ? keys.at("PatientID") : "";
        if (!asked.ends_with('*')) {
            return archive_of(studies, limit, TooMany::cut)(level, keys);
        }
        std::vector<Keys> candidates;
        for (const auto& one : studies) {
            const auto& id = one.at("PatientID");
            bool matches = id.size() + 1 >= asked.size();
            for (std::size_t i = 0; matches && i + 1 < asked.size(); ++i) {
                matches = is_like(asked[i], id[i]);
            }
            if (matches) {
                candidates.push_back(one);
            }
        }
        ScriptedFinder::Answer answer;
        if (candidates.size() > limit) {
            candidates.resize(limit);
            answer.status = 0xfe00;
        }
        answer.matches = archive_of(candidates)(level, keys).matches;
        return answer;
    };
}

/// Tells upper case from lower case neither when it counts nor when it answers.
ScriptedFinder::Script archive_without_case(const std::vector<Keys>& studies, std::size_t limit)
{
    auto upper = archive_of(studies, limit, TooMany::refuse);
    return [upper](const std::string& level, Keys keys) {
        for (auto& c : keys["PatientID"]) {
            c = static_cast<char>(std::toupper(c));
        }
        return upper(level, keys);
    };
}

} // namespace

TEST_CASE("an archive that matches like SQL or without case is asked about each word once")
{
    const auto all = migrated_archive();
    const bool by_like = GENERATE(true, false);
    const ScriptedFinder finder{by_like ? archive_by_like(all, 20) : archive_without_case(all, 20)};
    CAPTURE(by_like);

    const auto seen = enumerate(finder, everything);

    CHECK(seen.coverage.gaps.empty());
    CHECK(seen.uids.size() == all.size());
    CHECK(std::set<std::string>(seen.uids.begin(), seen.uids.end()).size() == all.size());
    CHECK(finder.associations() == 1);
    CHECK(finder.queries() < 3'000); // 20,000 when each spelling was asked for
}

TEST_CASE("what costs an archive most is asked for only of studies that were not known")
{
    auto all = migrated_archive();
    std::size_t dear = 0;
    const auto cheap = archive_of(all, 30, TooMany::cut);
    const ScriptedFinder finder{[&](const std::string& level, const Keys& keys) {
        const bool is_walk = keys.contains("PatientID") && !keys.at("PatientID").empty();
        dear += is_walk && keys.contains("ModalitiesInStudy") ? 1U : 0U;
        return cheap(level, keys);
    }};
    auto scope = everything;
    scope.keys["ModalitiesInStudy"] = "";
    std::size_t without = 0;
    pacs::QuerySession session{finder.peer()};

    const auto coverage =
        inventory::enumerate_studies(session, scope, today, {}, [&](const Keys& found) {
            without += found.contains("ModalitiesInStudy") ? 0U : 1U;
        });

    CHECK(coverage.studies == all.size());
    CHECK(without == 0);
    CHECK(dear == 0);
}

TEST_CASE("a round number is no limit where more has been answered")
{
    std::vector<Keys> all;
    for (int i = 0; i < 450; ++i) {
        all.push_back(study(i, i < 200 ? "20000101" : "20200101", fmt::format("D{:04}", i)));
    }
    const ScriptedFinder finder{archive_of(all, 300, TooMany::cut)};

    const auto seen = enumerate(finder, everything);

    CHECK(seen.uids.size() == all.size());
    CHECK(finder.queries() < 500); // neither 200 of one day nor 250 are looked through once more
}

TEST_CASE("an archive that refuses long answers and finds no part of a PatientID has gaps")
{
    const auto exactly = archive_of(busy_archive(), 30, TooMany::refuse);
    const ScriptedFinder finder{[&](const std::string& level, const Keys& keys) {
        return keys.at("PatientID").ends_with('*') ? ScriptedFinder::Answer{}
                                                   : exactly(level, keys);
    }};

    const auto seen = enumerate(finder, everything);

    REQUIRE_FALSE(seen.coverage.gaps.empty());
    CHECK(seen.coverage.gaps.back().starts_with("20240615: "));
}

TEST_CASE("what is dated far in the future belongs to the last days")
{
    const ScriptedFinder finder{archive_of(busy_archive(), 30, TooMany::refuse)};
    auto scope = everything;
    scope.first = sys_days{year{2024} / 6 / 15};

    CHECK(enumerate(finder, scope).uids.contains("2.25.281"));
}
