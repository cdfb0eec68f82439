// SPDX-License-Identifier: MIT
#include "libfiona/base/file_lock.h"
#include "libfiona/dicom/library.h"
#include "libfiona/dicom/prescan.h"
#include "tests/support/job_site.h"

#include <catch2/catch.hpp>

#include <sysexits.h>

#include <algorithm>
#include <csignal>
#include <map>
#include <random>
#include <set>

using namespace fiona;
using Catch::Contains;
using jobs::JobList;

namespace fs = std::filesystem;

namespace {

const std::string tool = "fiona-run-one-job";

std::string list_text(const JobSite& world)
{
    return read_file_if_any(world.list_file()).value_or("");
}

/// Distinct SOP instance UIDs in the PACS.
std::set<std::string> instances(const JobSite& world)
{
    std::set<std::string> uids;
    for (const auto& file : world.pacs.files()) {
        uids.insert(dicom::prescan_file(file).sop_instance);
    }
    return uids;
}

/// The sandboxes in which the program of a job is at work; each consists of some processes of bwrap.
std::size_t sandboxes(const std::string& id)
{
    std::map<std::string, std::string> parents; // of processes with such a command line
    for (const auto& entry : fs::directory_iterator{"/proc"}) {
        const auto pid = entry.path().filename().native();
        if (pid.find_first_not_of("0123456789") != std::string::npos) {
            continue;
        }
        try {
            const auto words = read_file(entry.path() / "cmdline");
            const auto status = read_file(entry.path() / "stat");
            if (words.starts_with("bwrap")
                && words.find("_" + id + "_output") != std::string::npos) {
                parents[pid] = split(status.substr(status.rfind(')') + 2), ' ').at(1);
            }
        } catch (const Error&) { // it has just ended
        }
    }
    return static_cast<std::size_t>(std::ranges::count_if(
        parents, [&](const auto& item) { return !parents.contains(item.second); }));
}

std::size_t entries(const fs::path& directory)
{
    return static_cast<std::size_t>(std::distance(fs::recursive_directory_iterator{directory}, {}));
}

} // namespace

TEST_CASE("fiona-run-one-job: runs the program over the study, and its images reach the PACS")
{
    if (!has_sandbox()) {
        return;
    }
    JobSite world;
    world.add_study(1, 2);
    world.add_image("segment", JobSite::segment());
    world.list("a", 1, "segment:1");

    const auto run = world.run({"--json"});

    INFO(run.err);
    INFO(read_file_if_any(world.output("a", "segment:1") / "log" / "stderr.log").value_or(""));
    REQUIRE(run.exit_code == EX_OK);
    const auto job = json::parse(run.out, "report").find("jobs")->array().at(0);
    CHECK(job.text("state") == "done");
    CHECK(job.text("images") == "2");
    CHECK(list_text(world).empty());
    CHECK(world.shelved("a").text("state") == "done");
    const dicom::Library library;
    const auto received = world.pacs.files();
    REQUIRE(received.size() == 2);
    for (const auto& file : received) {
        const auto uids = dicom::prescan_file(file);
        CHECK(uids.study == JobSite::study_uid(1));
        CHECK(uids.series != JobSite::study_uid(1) + ".1");
    }

    SECTION("in the folders that containers know")
    {
        const auto output = world.output("a", "segment:1");
        const fs::path folder = output.native().substr(0, output.native().size() - 7);
        CHECK(fs::is_regular_file(folder / "input" / "MR_000000.dcm"));
        CHECK(fs::is_regular_file(folder / "input" / "MR_000001.dcm"));
        const auto description =
            json::parse(read_file(folder / "descr.json"), "descr").array().at(0);
        CHECK(description.text("StudyInstanceUID") == JobSite::study_uid(1));
        CHECK(description.text("NumFiles") == "2");
        CHECK(description.text("Modality") == "MR");
        const auto view = description.text("InputViewDICOMSeriesPath");
        REQUIRE(view.starts_with("/data/input_view_dicom_series/DEMO_0001_DEMO_0001/"));
        CHECK(fs::is_regular_file(folder / view.substr(6) / "MR_000000.dcm"));
        CHECK(json::parse(read_file(output / "log" / "exit.json"), "exit").text("exit") == "0");
        CHECK(fs::exists(output / "log" / "stdout.log"));
        CHECK(json::parse(read_file(output / "sent.json"), "sent").find("sent")->array().size()
              == 2);
    }
    SECTION("a second run does nothing")
    {
        const auto second = world.run();

        CHECK(second.exit_code == EX_OK);
        CHECK_THAT(second.out, Contains("0 jobs"));
        CHECK(world.pacs.files() == received);
    }
    SECTION("the same line again is the same job")
    {
        world.list("a", 1, "segment:1");

        CHECK(world.run().exit_code == EX_OK);
        CHECK(list_text(world).empty());
        CHECK(world.pacs.files() == received);
    }
}

TEST_CASE("fiona-run-one-job: a dry run says what would run and changes nothing")
{
    JobSite world;
    world.add_study(1);
    world.add_image("segment", JobSite::segment());
    world.list("a", 1, "segment:1");
    world.list("b", 1, "unknown:1");
    const auto before = entries(world.site.root());

    const auto run = world.run({"--dry-run"});

    CHECK(run.exit_code == EX_OK);
    CHECK_THAT(run.out, Contains("waiting a") && Contains("1 data sets for process"));
    CHECK_THAT(run.out, Contains("failed b") && Contains("not listed"));
    CHECK(entries(world.site.root()) == before);
}

TEST_CASE("fiona-run-one-job: bad lines and jobs are set aside, the good one is done")
{
    if (!has_sandbox()) {
        return;
    }
    JobSite world;
    world.add_study(1);
    world.site.start_redcap(); // its INCOMING knows no transfer
    world.add_study(2, 1, {}, "1.2.826.0.1.3680043.9.7433.55");
    world.add_study(3, 1, {{"PatientIdentityRemoved", "YES"}}, "1.2.826.0.1.3680043.9.7433.56");
    world.add_study(4, 1, {}, "2.25.99001");
    world.add_study(5, 1, {{"PatientIdentityRemoved", "YES"}}, "1.3.6.1.4.1.45037.99001");
    world.add_image("segment", JobSite::segment());
    world.add_image("fails", "echo oops >&2; exit 3");
    world.add_image("steals", "for f in $1/*; do cp $f $2; done");
    world.add_image("links", "ln -s /etc/passwd $2/x.dcm");
    world.add_image("invents", "cp $1/MR_000000.dcm $2/n.dcm; chmod u+w $2/n.dcm;"
                               "dcmodify -nb -gst -gse -gin $2/n.dcm");
    world.append("{\"type\":\"ror\",\"project\":\"DEMO\"");
    world.append(R"({"type":"ror","project":"../../etc","image":"segment:1","job_id":"p"})");
    world.list("fails", 1, "fails:1");
    world.list("unlisted", 1, "other:7");
    world.list("outside", 1, "segment:1", {{"ror_folder", "/etc/fiona"}});
    world.list("upwards", 1, "segment:1",
               {{"ror_folder", (world.site.root() / "data" / ".." / ".." / "x").native()}});
    world.list("number", 1, "segment:1", {{"study", ""}, {"job_number", "3"}});
    world.list("statement", 1, "segment:1", {{"select", "select patient where"}});
    world.list("steals", 1, "steals:1");
    world.list("links", 1, "links:1");
    world.list("invents", 1, "invents:1");
    world.list("clinical", 2, "segment:1", {{"study", "1.2.826.0.1.3680043.9.7433.55"}});
    world.list("claims", 3, "segment:1", {{"study", "1.2.826.0.1.3680043.9.7433.56"}});
    world.list("prefix", 4, "segment:1", {{"study", "2.25.99001"}});
    world.list("root", 5, "segment:1", {{"study", "1.3.6.1.4.1.45037.99001"}});
    world.list("options", 1, "segment:1", {{"ROR_CONT_OPTIONS", "{not json"}});
    world.list("good", 1, "segment:1");

    const auto run = world.run();

    INFO(run.err);
    INFO(run.out);
    CHECK(run.exit_code == EX_DATAERR);
    CHECK(list_text(world).empty());
    CHECK(world.shelved("good").text("state") == "done");
    const std::vector<std::pair<std::string, std::string>> reasons{
        {"fails", "exit code 3"},
        {"unlisted", "not listed"},
        {"outside", "outside"},
        {"upwards", "without .."},
        {"number", "unstable job number"},
        {"statement", "expected at"},
        {"steals", "SeriesInstanceUID of an input series"},
        {"links", "link"},
        {"invents", "not in the input"},
        {"clinical", "not de-identified"},
        {"claims", "not de-identified"},
        {"prefix", "not de-identified"},
        {"root", "not de-identified"}};
    for (const auto& [id, reason] : reasons) {
        CAPTURE(id);
        CHECK(world.shelved(id).text("state") == "failed");
        CHECK_THAT(world.shelved(id).text("reason"), Contains(reason));
    }
    const auto rejected = read_file(JobList{world.list_file()}.shelf(JobList::Shelf::rejected));
    CHECK(std::ranges::count(rejected, '\n') == 3);
    CHECK(world.pacs.files().size() == 2);
    CHECK(identity_in(run.out + run.err) == "");
}

TEST_CASE("fiona-run-one-job: a bad command line is refused")
{
    CHECK(run_tool(tool, {"--no-such-option"}).exit_code == EX_USAGE);
    CHECK(run_tool(tool, {"select"}).exit_code == EX_USAGE);
    CHECK(run_tool(tool, {"--engine", "rkt"}).exit_code == EX_USAGE);
    JobSite world;
    world.set_jobs({{"engine", "rkt"}});
    CHECK(world.run().exit_code == EX_CONFIG);
}

TEST_CASE("fiona-run-one-job: killed at random moments, every line stays and nothing is done twice")
{
    if (!has_sandbox()) {
        return;
    }
    JobSite world;
    world.set_jobs({{"max_parallel", 3}});
    world.add_study(1, 1);
    world.add_image("slow", "set -e\n"
                            "for file in \"$1\"/*; do cp \"$file\" \"$2\"; done\n"
                            "chmod u+w \"$2\"/*.dcm\n"
                            "dcmodify -nb -gse -gin \"$2\"/*.dcm\n"
                            "sleep 0.5\n");
    constexpr int count = 6;
    for (int i = 0; i < count; ++i) {
        world.list(fmt::format("j{}", i), 1, "slow:1");
    }
    std::mt19937 random{20260301}; // NOLINT(cert-msc51-cpp,cert-msc32-c) the same moments each time
    std::uniform_int_distribution<int> pause{0, 200};
    constexpr int kills = 100;

    for (int i = 0; i < kills; ++i) {
        const auto until =
            std::chrono::steady_clock::now() + std::chrono::milliseconds{pause(random)};
        static_cast<void>(
            run_tool_and_kill(tool, {"--config", world.site.config_file().native()}, {},
                              [&] { return std::chrono::steady_clock::now() >= until; }));
        for (int j = 0; j < count; ++j) { // waiting in the list, or on the shelf
            const auto id = fmt::format("j{}", j);
            const bool is_listed = list_text(world).find("\"" + id + "\"") != std::string::npos;
            REQUIRE((is_listed || world.shelved(id).is_object()));
            REQUIRE(sandboxes(id) <= 1);
        }
    }
    const auto last = world.run();

    INFO(last.err);
    CHECK(last.exit_code == EX_OK);
    CHECK(list_text(world).empty());
    for (int j = 0; j < count; ++j) {
        CAPTURE(world.shelved(fmt::format("j{}", j)).text("reason"));
        CHECK(world.shelved(fmt::format("j{}", j)).text("state") == "done");
    }
    const dicom::Library library;
    CHECK(instances(world).size() == count);
    CHECK(world.pacs.files().size() == count);
}

TEST_CASE(
    "fiona-run-one-job: a supervisor that dies takes its program along, and the job is begun again")
{
    if (!has_sandbox()) {
        return;
    }
    JobSite world;
    world.add_study(1, 1);
    world.add_image("once", "sleep 30 & wait");
    world.list("a", 1, "once:1");
    const auto state = world.site.config().paths.state() / "jobs";
    static_cast<void>(run_tool_and_kill(tool, {"--config", world.site.config_file().native()}, {},
                                        [&] { return fs::exists(state / "a.begun"); }));
    // The program runs on, watched by its supervisor.
    const auto supervisor = FileLock::holder(state / "a.run");
    REQUIRE(supervisor.has_value());
    REQUIRE(::kill(*supervisor, SIGKILL) == 0);
    REQUIRE(wait_until([&] { return !FileLock::holder(state / "a.run"); }));
    world.add_image("once", JobSite::segment());

    const auto run = world.run();

    INFO(run.err);
    CHECK(run.exit_code == EX_OK);
    CHECK(world.shelved("a").text("attempts") == "2");
    CHECK(world.pacs.files().size() == 1);
    CHECK(wait_until([&] { return sandboxes("a") == 0; })); // nothing of the first is left
}
