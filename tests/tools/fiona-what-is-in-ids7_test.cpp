// SPDX-License-Identifier: MIT
#include "libfiona/base/file_lock.h"
#include "libfiona/base/files.h"
#include "tests/support/inventory_site.h"
#include "tests/support/orthanc_server.h"
#include "tests/support/small_image.h"

#include <catch2/catch.hpp>

#include <sys/resource.h>
#include <sysexits.h>

#include <cstdlib>

using namespace fiona;
using Catch::Contains;

namespace {

const std::string tool = "fiona-what-is-in-ids7";

/// Those of the numbers that a document of the tool has.
std::int64_t number(const Outcome& run, const char* key)
{
    return json::parse(run.out, "output").find(key)->integer();
}

} // namespace

TEST_CASE("fiona-what-is-in-ids7: the table is brought up to date, a second run writes nothing")
{
    const ScriptedFinder finder{archive_of(inventory_archive(60), 9, TooMany::refuse)};
    InventorySite site{finder.port()};
    site.start_redcap();

    const auto run = site.run(tool, {"--from-pacs", "--json"});

    INFO(run.err);
    CHECK(run.exit_code == EX_OK);
    CHECK(number(run, "added") == 60);
    CHECK(site.table().size() == 60);
    redcap::ExportSpec one;
    one.records = {"2.25.7"};
    const auto rows = site.client(redcap::Role::ids7)->export_records(one);
    REQUIRE(rows.size() == 1);
    CHECK(rows.front().value("ids7_accession_number") == "A7");
    CHECK(rows.front().value("ids7_study_id") == "S7");
    CHECK(rows.front().value("ids7_modalities") == "MR,SR");
    CHECK(rows.front().value("ids7_number_of_series") == "3");
    const auto again = site.run(tool, {"--from-pacs", "--json"});
    CHECK(number(again, "unchanged") == 60);
    CHECK(number(again, "rows_written") == 0);
}

TEST_CASE("fiona-what-is-in-ids7: the three tools as a pipeline fill the same table")
{
    const ScriptedFinder finder{archive_of(inventory_archive(60), 9, TooMany::cut)};
    InventorySite site{finder.port()};
    site.start_redcap();

    const auto patients = site.run("fiona-get-all-patients");
    const auto studies =
        site.run("fiona-parse-all-patients", {"--input", site.write_lines(patients.out)});
    const auto run = site.run(tool, {"--json", "--input", site.write_lines(studies.out)});

    INFO(patients.err << studies.err << run.err);
    CHECK(number(run, "added") == 60);
    CHECK(number(site.run(tool, {"--from-pacs", "--json"}), "unchanged") == 60);
}

TEST_CASE("fiona-what-is-in-ids7: a dry run counts and writes nothing")
{
    const ScriptedFinder finder{archive_of(inventory_archive(6))};
    InventorySite site{finder.port()};
    site.start_redcap();

    CHECK(number(site.run(tool, {"--from-pacs", "--json", "--dry-run"}), "added") == 6);
    CHECK(site.table().empty());
}

TEST_CASE("fiona-what-is-in-ids7: bad lines are left out, the others are written")
{
    InventorySite site{free_port()};
    site.start_redcap();
    const auto lines = site.write_lines("nonsense\n{\"StudyInstanceUID\":\"../x\"}\n"
                                        "{\"StudyInstanceUID\":\"2.25.1\",\"PatientID\":\"A\"}\n");

    const auto run = site.run(tool, {"--input", lines});

    CHECK(run.exit_code == EX_DATAERR);
    CHECK(site.table() == std::multiset<std::string>{"2.25.1"});
}

TEST_CASE("fiona-what-is-in-ids7: a bad command line is 64, a dead PACS is 69")
{
    InventorySite site{free_port()};
    site.start_redcap();

    CHECK(site.run(tool, {"--from-pacs", "--input", "x"}).exit_code == EX_USAGE);
    CHECK(site.run(tool, {"--days", "3"}).exit_code == EX_USAGE);
    CHECK(site.run(tool, {"--from-pacs"}).exit_code == EX_UNAVAILABLE);
}

TEST_CASE(
    "fiona-what-is-in-ids7: a second run for the same is 75, one for a project is not in its way")
{
    const ScriptedFinder finder{archive_of(inventory_archive(6))};
    InventorySite site{finder.port()};
    site.start_redcap();
    const auto locks = site.config().paths.pids();
    make_directories(locks);
    const FileLock held{locks / (tool + ".lock")};

    CHECK(site.run(tool, {"--from-pacs"}).exit_code == EX_TEMPFAIL);
    CHECK(site.table().empty());
    CHECK(site.run(tool, {"DEMO", "--from-pacs"}).exit_code == EX_OK);
    CHECK(site.table().size() == 6);
}

TEST_CASE("fiona-what-is-in-ids7: killed half-way, the next run completes the table")
{
    const ScriptedFinder finder{archive_of(inventory_archive(1'200), 100, TooMany::refuse)};
    InventorySite site{finder.port()};
    site.start_redcap();

    run_tool_and_kill(tool, {"--from-pacs", "--config", site.config_file().native()}, {},
                      [&] { return finder.sent() > 700; });
    const auto run = site.run(tool, {"--from-pacs"});

    INFO(run.err);
    CHECK(run.exit_code == EX_OK);
    CHECK(site.table().size() == 1'200);
}

TEST_CASE("fiona-what-is-in-ids7: a large Orthanc that limits its answers, each study once")
{
    if (!OrthancServer::is_here()) {
        return;
    }
    const bool is_full = std::getenv("FIONA_TEST_FULL") != nullptr; // 20,000: some minutes
    const int count = is_full ? 20'000 : 400;
    const unsigned limit = is_full ? 500 : 30;
    const TempDir directory;
    const OrthancServer server{{.limit = limit, .destinations = {}}};
    std::vector<std::filesystem::path> files;
    for (int i = 0; i < count; ++i) {
        SmallImage image;
        image.pixels = SmallImage::Pixels::none;
        image.study = fmt::format("1.2.826.0.1.3680043.9.7433.61.{}", i);
        image.series = image.study + ".1";
        image.sop = image.series + ".1";
        image.more = {{"PatientID", fmt::format("DEMO_{:05}", i / 2)},
                      {"StudyDate", i % 4 == 0    ? "20240615" // a day of migration
                                    : i % 25 == 1 ? ""
                                                  : fmt::format("20{:02}{:02}{:02}", 5 + i % 20,
                                                                1 + i % 12, 1 + i % 28)}};
        files.push_back(directory.path / fmt::format("{}.dcm", i));
        write_image(image, files.back());
    }
    for (const auto& result : pacs::send_files(server.peer(), files)) {
        REQUIRE(result.outcome == pacs::SendOutcome::stored);
    }
    InventorySite site{server.port()};
    site.start_redcap();

    rusage before{};
    ::getrusage(RUSAGE_CHILDREN, &before);
    const auto run = site.run(tool, {"--from-pacs", "--json"});
    rusage after{};
    ::getrusage(RUSAGE_CHILDREN, &after);

    INFO(run.err);
    INFO(run.out);
    CHECK(run.exit_code == EX_OK);
    CHECK(number(run, "added") == count);
    CHECK(number(run, "splits") > 5);
    const auto table = site.table();
    CHECK(table.size() == static_cast<std::size_t>(count));
    CHECK(std::set<std::string>(table.begin(), table.end()).size() == table.size());
    constexpr long max_kilobytes = 128 * 1024; // the largest child so far, this one included
    CHECK(after.ru_maxrss < max_kilobytes);
}
