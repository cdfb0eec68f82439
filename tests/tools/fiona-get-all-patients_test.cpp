// SPDX-License-Identifier: MIT
#include "tests/support/inventory_site.h"
#include "tests/support/orthanc_server.h"
#include "tests/support/small_image.h"

#include <catch2/catch.hpp>

#include <sysexits.h>

using namespace fiona;
using Catch::Contains;

namespace {

const std::string tool = "fiona-get-all-patients";

} // namespace

TEST_CASE("fiona-get-all-patients: every patient is a line, a second run prints the same")
{
    const ScriptedFinder finder{archive_of(inventory_archive(100), 7, TooMany::refuse)};
    const InventorySite site{finder.port()};

    const auto run = site.run(tool);

    INFO(run.err);
    CHECK(run.exit_code == EX_OK);
    CHECK(line_count(run.out) == 50);
    CHECK_THAT(run.out, Contains("\"PatientID\":\"DEMO_0049\""));
    CHECK(site.run(tool).out == run.out);
}

TEST_CASE("fiona-get-all-patients: days and project limit the list, --json makes one document")
{
    auto studies = inventory_archive(20);
    studies.push_back(inventory_study(100, "OTHER_1", "OTHER"));
    const ScriptedFinder finder{archive_of(studies)};
    const InventorySite site{finder.port()};

    CHECK(line_count(site.run(tool, {"0", "OTHER"}).out) == 1);
    CHECK(site.run(tool, {"1"}).out.empty());
    const auto document = json::parse(site.run(tool, {"--json"}).out, "output");
    CHECK(document.find("patients")->array().size() == 11);
    CHECK(document.find("queries")->integer() == 1);
}

TEST_CASE("fiona-get-all-patients: patients of Orthanc, which limits its answers")
{
    if (!OrthancServer::is_here()) {
        return;
    }
    const TempDir directory;
    const OrthancServer server{{.limit = 4, .destinations = {}}};
    std::vector<std::filesystem::path> files;
    for (int i = 0; i < 12; ++i) {
        SmallImage image;
        image.study = fmt::format("1.2.826.0.1.3680043.9.7433.60.{}", i);
        image.series = image.study + ".1";
        image.sop = image.series + ".1";
        image.more = {{"PatientID", fmt::format("DEMO_{:03}", i)},
                      {"StudyDate", i % 2 == 0 ? "20240615" : "20250101"}};
        files.push_back(directory.path / fmt::format("{}.dcm", i));
        write_image(image, files.back());
    }
    for (const auto& result : pacs::send_files(server.peer(), files)) {
        REQUIRE(result.outcome == pacs::SendOutcome::stored);
    }
    const InventorySite site{server.port()};

    const auto run = site.run(tool);

    INFO(run.err);
    CHECK(run.exit_code == EX_OK);
    CHECK(line_count(run.out) == 12);
}

TEST_CASE("fiona-get-all-patients: a day that cannot be split is named, the others are printed")
{
    auto studies = inventory_archive(10);
    for (int i = 200; i < 230; ++i) {
        auto study = inventory_study(i, "DEMO_9999");
        study["StudyDate"] = "20240615";
        studies.push_back(study);
    }
    const ScriptedFinder finder{archive_of(studies, 8, TooMany::cut)};
    const InventorySite site{finder.port()};

    const auto run = site.run(tool);

    CHECK(run.exit_code == EX_PROTOCOL);
    CHECK_THAT(run.err, Contains("20240615"));
    CHECK(line_count(run.out) == 6);
}

TEST_CASE("fiona-get-all-patients: a bad command line is 64, a dead PACS is 69")
{
    const InventorySite site{free_port()};

    CHECK(site.run(tool, {"--no-such-option"}).exit_code == EX_USAGE);
    CHECK(site.run(tool, {"many"}).exit_code == EX_USAGE);
    CHECK(site.run(tool).exit_code == EX_UNAVAILABLE);
}

TEST_CASE("fiona-get-all-patients: killed half-way it leaves nothing, and the next run lists all")
{
    const ScriptedFinder finder{archive_of(inventory_archive(100), 3, TooMany::refuse)};
    const InventorySite site{finder.port()};

    run_tool_and_kill(tool, {"--config", site.config_file().native()}, {},
                      [&] { return finder.queries() > 20; });

    CHECK(line_count(site.run(tool).out) == 50);
}
