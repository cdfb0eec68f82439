// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/inventory/ids7_table.h"
#include "tests/unit/inventory/ids7.h"

#include <catch2/catch.hpp>

#include <algorithm>

using namespace fiona;

namespace {

pacs::Keys study(int number, const std::string& series = "3")
{
    return {{"StudyInstanceUID", fmt::format("2.25.{}", number)},
            {"PatientID", fmt::format("DEMO_{}", number)},
            {"NumberOfStudyRelatedSeries", series}};
}

inventory::TableReport put(MemoryRedcap& redcap, const std::vector<pacs::Keys>& studies,
                           Mode mode = Mode::apply)
{
    inventory::Ids7Table table{redcap, TimePoint{} + std::chrono::hours{1}, mode};
    for (const auto& one : studies) {
        table.put(one);
    }
    table.flush();
    return table.report();
}

} // namespace

TEST_CASE("new studies are added, the same again is no import")
{
    auto redcap = ids7_redcap();

    const auto first = put(redcap, {study(1), study(2)});
    const auto imports = redcap.imports;
    const auto second = put(redcap, {study(1), study(2)});

    CHECK(first.added == 2);
    CHECK(second.unchanged == 2);
    CHECK(redcap.imports == imports);
    CHECK(redcap.stored("2.25.1", "", 0, "ids7_patient_id") == "DEMO_1");
    CHECK_FALSE(redcap.stored("2.25.1", "", 0, "ids7_date_stamp").empty());
}

TEST_CASE("counts are replaced, never added up, and what became empty is erased")
{
    auto redcap = ids7_redcap();
    put(redcap, {study(1, "3")});

    const auto report = put(redcap, {study(1, "3"), study(1, "5")});
    CHECK(report.changed == 1);
    CHECK(redcap.stored("2.25.1", "", 0, "ids7_number_of_series") == "5");

    put(redcap, {study(1, "")});
    CHECK(redcap.stored("2.25.1", "", 0, "ids7_number_of_series").empty());
}

TEST_CASE("a dry run imports nothing")
{
    auto redcap = ids7_redcap();

    CHECK(put(redcap, {study(1)}, Mode::dry_run).added == 1);
    CHECK(redcap.imports == 0);
}

TEST_CASE("two thousand studies take two calls for every five hundred")
{
    auto redcap = ids7_redcap();
    std::vector<pacs::Keys> studies;
    for (int i = 0; i < 2'000; ++i) {
        studies.push_back(study(i));
    }

    CHECK(put(redcap, studies).added == 2'000);
    CHECK(redcap.exports == 4);
    CHECK(redcap.imports == 4);
}

TEST_CASE("a row that REDCap refuses is left out, its neighbours are not")
{
    auto redcap = ids7_redcap();
    redcap.before_import = [](const MemoryRedcap::Rows& rows) {
        if (std::ranges::any_of(rows, [](const auto& row) { return row.record == "2.25.3"; })) {
            throw Error{Fault::data, "refused"};
        }
    };

    const auto report = put(redcap, {study(1), study(2), study(3), study(4), {}});

    CHECK(report.refused == 2);
    for (const auto* const there : {"2.25.1", "2.25.2", "2.25.4"}) {
        CHECK_FALSE(redcap.stored(there, "", 0, "ids7_patient_id").empty());
    }
}

TEST_CASE("a server that fails ends the run")
{
    auto redcap = ids7_redcap();
    redcap.before_import = [](const MemoryRedcap::Rows& /*rows*/) {
        throw Error{Fault::temporary, "later"};
    };

    CHECK_THROWS_AS(put(redcap, {study(1)}), Error);
}
