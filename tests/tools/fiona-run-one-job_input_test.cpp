// SPDX-License-Identifier: MIT
#include "libfiona/dicom/library.h"
#include "tests/support/job_site.h"

#include <catch2/catch.hpp>

#include <sysexits.h>

using namespace fiona;
using Catch::Contains;

namespace fs = std::filesystem;

TEST_CASE("fiona-run-one-job: select lists a job for each data set, once")
{
    if (!has_sandbox()) {
        return;
    }
    JobSite world;
    for (const int number : {1, 2, 3}) {
        world.add_study(number, 1, {{"SeriesNumber", std::to_string(number)}});
    }
    world.add_image("segment", JobSite::segment());
    const std::vector<std::string> words{"select",
                                         "SELECT study FROM study WHERE series named \"x\" has "
                                         "SeriesNumber > 1 AND Modality regexp ^(MR|CT)$",
                                         "--image",
                                         "segment:1",
                                         "--project",
                                         "DEMO"};

    const auto first = world.run(words);
    const auto again = world.run(words);
    const auto run = world.run();

    INFO(first.err);
    CHECK_THAT(first.out, Contains("2 data sets of 2 series, 2 listed"));
    CHECK_THAT(again.out, Contains("0 listed"));
    INFO(run.err);
    CHECK(run.exit_code == EX_OK);
    CHECK(world.pacs.files().size() == 2);
    CHECK_THAT(world.run(words).out, Contains("0 listed")); // they were done
}

TEST_CASE("fiona-run-one-job: a statement in a line makes one job of each set, and numbers keep "
          "their meaning")
{
    if (!has_sandbox()) {
        return;
    }
    JobSite world;
    world.add_study(1, 1);
    SmallImage second;
    second.study = JobSite::study_uid(1);
    second.series = second.study + ".2";
    second.sop = second.study + ".2.1";
    second.more = {{"PatientID", "DEMO_0001"}, {"PatientName", "DEMO_0001"}};
    world.studies->add(second, {{"PatientID", "DEMO_0001"}, {"PatientName", "DEMO_0001"}});
    world.add_image("segment", JobSite::segment());
    world.list("split", 1, "segment:1", {{"select", "select series where Modality = MR"}});
    world.list("none", 1, "segment:1", {{"select", "select series where Modality = CT"}});
    const auto folder = world.site.root() / "data" / "proc";
    const auto frozen = world.run({"select", "select study where everything", "--freeze", folder});
    REQUIRE(frozen.exit_code == EX_OK);
    world.add_study(0, 1); // sorts before the first
    world.list("number", 1, "segment:1",
               {{"study", ""}, {"job_number", "0"}, {"ror_folder", folder.native()}});

    const auto run = world.run();

    INFO(run.err);
    CHECK(run.exit_code == EX_OK);
    CHECK(world.shelved("split").text("reason") == "made 2 jobs");
    CHECK(world.shelved("none").text("reason") == "its statement chooses nothing");
    CHECK(world.shelved("number").text("images") == "2"); // both series of study 1
    CHECK(world.pacs.files().size() == 4);
}

TEST_CASE(
    "fiona-run-one-job: a series that is not on this machine is fetched from the research PACS")
{
    if (!has_sandbox()) {
        return;
    }
    JobSite world;
    world.add_study(1, 3);
    world.add_image("segment", JobSite::segment());
    const auto archive = world.studies->paths().archive() / ("scp_" + JobSite::study_uid(1));
    std::vector<fs::path> files;
    for (const auto& entry : fs::directory_iterator{archive}) {
        files.push_back(entry.path());
    }
    const dicom::Library library;
    REQUIRE(pacs::send_files(world.pacs.peer(), files).size() == 3);
    fs::remove_all(archive);
    fs::remove_all(world.studies->paths().raw() / JobSite::study_uid(1));
    fs::remove_all(world.studies->paths().keys()
                   / "mapping"); // the research PACS has it: that is enough
    const auto series = [&](const std::string& uid) {
        return json::Object{
            {"study", ""},
            {"series", json::Array{json::Object{{"StudyInstanceUID", JobSite::study_uid(1)},
                                                {"SeriesInstanceUID", uid}}}}};
    };
    world.list("a", 1, "segment:1", series(JobSite::study_uid(1) + ".1"));
    world.list("b", 1, "segment:1", series("2.25.999"));

    const auto run = world.run();

    INFO(run.err);
    CHECK(run.exit_code == EX_DATAERR);
    CHECK(world.shelved("a").text("images") == "3");
    CHECK_THAT(world.shelved("b").text("reason"), Contains("nor in the research PACS"));
    CHECK(world.pacs.files().size() == 6);
    for (const auto& entry : fs::recursive_directory_iterator{world.site.root() / "export"}) {
        CHECK(entry.path().native().find("_fetched") == std::string::npos);
    }
}
