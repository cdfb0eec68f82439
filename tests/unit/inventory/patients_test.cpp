// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/inventory/patients.h"
#include "tests/support/scripted_finder.h"

#include <catch2/catch.hpp>
#include <fmt/format.h>

using namespace fiona;
using pacs::Keys;

namespace {

constexpr std::chrono::sys_days today = std::chrono::year{2026} / 3 / 1;

Keys study(int number, const std::string& patient, const std::string& project,
           const std::string& date = "20260101")
{
    return {{"StudyInstanceUID", fmt::format("2.25.{}", number)},
            {"PatientID", patient},
            {"InstitutionName", project},
            {"StudyDate", date}};
}

const std::vector<Keys> archive{study(1, "A_1", "A"), study(2, "A_1", "A", "20100101"),
                                study(3, "A_2", "A"), study(4, "B_1", "B"),
                                study(5, "B*1", "B"), study(6, "", "B")};

std::vector<std::string> patients(const inventory::Selection& selection)
{
    const ScriptedFinder finder{archive_of(archive)};
    pacs::QuerySession session{finder.peer()};
    std::vector<std::string> ids;
    static_cast<void>(
        inventory::list_patients(session, selection, today, {}, [&](const Keys& patient) {
            CHECK(patient.size() == 3);
            ids.push_back(patient.at("PatientID"));
        }));
    return ids;
}

} // namespace

TEST_CASE("every patient is listed once, those without an id are not")
{
    CHECK(patients({}) == std::vector<std::string>{"A_1", "A_2", "B_1", "B*1"});
}

TEST_CASE("patients are limited to a project and to days")
{
    CHECK(patients({ProjectName{"A"}, std::nullopt}) == std::vector<std::string>{"A_1", "A_2"});
    CHECK(patients({ProjectName{"B"}, 365}).size() == 2);
    CHECK(patients({ProjectName{"A"}, 1}).empty());
}

TEST_CASE("an archive that cannot search by project has its answers sifted")
{
    const ScriptedFinder finder{[](const auto& /*level*/, const auto& /*keys*/) {
        return ScriptedFinder::Answer{archive, 0, false};
    }};
    pacs::QuerySession session{finder.peer()};
    std::size_t count = 0;

    const auto coverage = inventory::list_studies(session, {ProjectName{"A"}, std::nullopt}, today,
                                                  {}, [&](const Keys& /*study*/) { ++count; });

    CHECK(count == 3);
    CHECK(coverage.studies == 3);
}

TEST_CASE("a wildcard in a patient's id is no wildcard")
{
    const ScriptedFinder finder{[](const auto& /*level*/, const auto& keys) {
        CHECK(keys.at("PatientID") == "B?1"); // matches both B_1 and B*1
        return ScriptedFinder::Answer{{archive[3], archive[4]}, 0, false};
    }};
    pacs::QuerySession session{finder.peer()};
    std::vector<std::string> found;

    static_cast<void>(inventory::list_studies_of(session, {"B*1"}, today, {}, [&](const Keys& one) {
        found.push_back(one.at("StudyInstanceUID"));
    }));

    CHECK(found == std::vector<std::string>{"2.25.5"});
}

TEST_CASE("a patient's id that cannot be asked for is refused")
{
    const ScriptedFinder finder{archive_of(archive)};
    pacs::QuerySession session{finder.peer()};
    const auto* const id = GENERATE("", "*", "?*", "a\\b", "\xC3\x85", "a\nb");

    CHECK_THROWS_AS(
        inventory::list_studies_of(session, {id}, today, {}, [](const Keys& /*study*/) {}), Error);
    CHECK(finder.queries() == 0);
}
