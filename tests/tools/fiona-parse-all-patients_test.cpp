// SPDX-License-Identifier: MIT
#include "tests/support/inventory_site.h"

#include <catch2/catch.hpp>

#include <sysexits.h>

using namespace fiona;
using Catch::Contains;

namespace {

const std::string tool = "fiona-parse-all-patients";

std::string patients(int count)
{
    std::string lines;
    for (int i = 0; i < count; ++i) {
        lines += fmt::format("{{\"PatientID\":\"DEMO_{:04}\",\"PatientSex\":\"O\"}}\n", i);
    }
    return lines;
}

} // namespace

TEST_CASE("fiona-parse-all-patients: every study of the patients is a line, again and again")
{
    const ScriptedFinder finder{archive_of(inventory_archive(40))};
    const InventorySite site{finder.port()};
    const auto lines = site.write_lines(patients(10));

    const auto run = site.run(tool, {"--input", lines});

    INFO(run.err);
    CHECK(run.exit_code == EX_OK);
    CHECK(line_count(run.out) == 20);
    CHECK_THAT(run.out, Contains("\"AccessionNumber\":\"A19\"") && Contains("\"StudyID\":\"S19\""));
    CHECK(site.run(tool, {"--input", lines}).out == run.out);
    CHECK(finder.associations() == 2);
}

TEST_CASE("fiona-parse-all-patients: only studies of the project, in one document")
{
    auto studies = inventory_archive(4);
    studies.push_back(inventory_study(100, "DEMO_0001", "OTHER"));
    const ScriptedFinder finder{archive_of(studies)};
    const InventorySite site{finder.port()};

    const auto run = site.run(tool, {"OTHER", "--json", "--input", site.write_lines(patients(2))});

    const auto document = json::parse(run.out, "output");
    REQUIRE(document.find("studies")->array().size() == 1);
    CHECK(document.find("studies")->array().front().text("StudyInstanceUID") == "2.25.100");
}

TEST_CASE("fiona-parse-all-patients: bad lines are left out, the others are asked for")
{
    const ScriptedFinder finder{archive_of(inventory_archive(40))};
    const InventorySite site{finder.port()};
    const auto lines = site.write_lines("nonsense\n{}\n{\"PatientID\":\"*\"}\n" + patients(3));

    const auto run = site.run(tool, {"--input", lines});

    CHECK(run.exit_code == EX_DATAERR);
    CHECK(line_count(run.out) == 6);
    CHECK_THAT(run.err, Contains("line=1") && Contains("line=2") && Contains("line=3"));
}

TEST_CASE("fiona-parse-all-patients: a bad command line is 64, a file that is not there 66")
{
    const InventorySite site{free_port()};

    CHECK(site.run(tool, {"--no-such-option"}).exit_code == EX_USAGE);
    CHECK(site.run(tool, {"--input", "/nonexistent"}).exit_code == EX_NOINPUT);
    CHECK(site.run(tool, {"--input", site.write_lines(patients(1))}).exit_code == EX_UNAVAILABLE);
}

TEST_CASE("fiona-parse-all-patients: killed half-way it leaves nothing, and the next run lists all")
{
    const ScriptedFinder finder{archive_of(inventory_archive(200))};
    const InventorySite site{finder.port()};
    const auto lines = site.write_lines(patients(100));

    run_tool_and_kill(tool, {"--input", lines, "--config", site.config_file().native()}, {},
                      [&] { return finder.queries() > 10; });

    CHECK(line_count(site.run(tool, {"--input", lines}).out) == 200);
}
