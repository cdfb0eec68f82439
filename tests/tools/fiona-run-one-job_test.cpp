// SPDX-License-Identifier: MIT
#include "libfiona/base/file_lock.h"
#include "libfiona/dicom/library.h"
#include "libfiona/dicom/prescan.h"
#include "libfiona/redcap/client.h"
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
    world.add_study(2, 1, {}, "1.2.826.0.1.3680043.9.7433.55");
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
        {"clinical", "not de-identified"}};
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

TEST_CASE("fiona-run-one-job: a program that takes too long is ended with all that it began")
{
    if (!has_sandbox()) {
        return;
    }
    JobSite world;
    world.add_study(1, 1);
    world.add_image("endless", "echo started; sleep 1000 & sleep 1000", {{"time_s", 1}});
    world.list("a", 1, "endless:1");

    const auto run = world.run();

    CHECK(run.exit_code == EX_DATAERR);
    CHECK_THAT(world.shelved("a").text("reason"), Contains("its time was over"));
    const auto log = world.output("a", "endless:1") / "log";
    CHECK(read_file(log / "stdout.log") == "started\n");
    CHECK(json::parse(read_file(log / "exit.json"), "exit").text("stopped") == "time");
}

TEST_CASE("fiona-run-one-job: a program that is killed from outside has failed with its code, 137")
{
    if (!has_sandbox()) {
        return;
    }
    JobSite world;
    world.add_study(1, 1);
    world.add_image("killed",
                    JobSite::segment().substr(0, JobSite::segment().find("exec")) + "kill -9 $$\n");
    world.list("a", 1, "killed:1");

    const auto run = world.run();

    CHECK(run.exit_code == EX_DATAERR);
    CHECK_THAT(world.shelved("a").text("reason"), Contains("137") || Contains("signal 9"));
    CHECK(world.pacs.files().empty()); // what it had made by then is no result
}

TEST_CASE("fiona-run-one-job: the sandbox has no network, no other files, and limits")
{
    if (!has_sandbox()) {
        return;
    }
    JobSite world;
    world.add_study(1, 1);
    world.add_image("looks",
                    "ls / >\"$2/root.txt\"\n"
                    "grep -c : /proc/net/dev >\"$2/network.txt\"\n"
                    "touch /data/x 2>/dev/null && echo writes >\"$2/bad.txt\"\n"
                    "cat /etc/passwd >\"$2/bad.txt\" 2>/dev/null || rm -f \"$2/bad.txt\"\n"
                    "for d in / /dev /data /usr; do\n"
                    "  touch $d/x 2>/dev/null && echo $d >>\"$2/bad.txt\"\n"
                    "done\n"
                    "touch /tmp/x /dev/shm/x && echo x >/dev/null || echo not >\"$2/bad.txt\"\n"
                    "stat -f -c '%b %S' /tmp /dev/shm >\"$2/sizes.txt\"\n"
                    "(ulimit -v; ulimit -c; ulimit -p; env) >\"$2/limits.txt\"\n"
                    "head -c 2000000 /dev/zero >\"$2/big.txt\" 2>/dev/null\n"
                    "exit 0\n",
                    {{"output", "1m"}, {"memory", "512m"}, {"pids", 40}});
    world.list("a", 1, "looks:1");

    static_cast<void>(world.run());

    const auto output = world.output("a", "looks:1");
    INFO(read_file_if_any(output / "log" / "stderr.log").value_or(""));
    CHECK(read_file(output / "root.txt").find("home") == std::string::npos);
    CHECK(trimmed(read_file(output / "network.txt")) == "1"); // lo
    CHECK_FALSE(fs::exists(output / "bad.txt"));
    const auto limits = read_file(output / "limits.txt");
    CHECK_THAT(limits, Contains("524288\n0\n41\n"));
    CHECK(read_file(output / "sizes.txt") == "131072 4096\n131072 4096\n"); // of the memory
    CHECK_THAT(limits, !Contains("FIONA"));
    CHECK(fs::file_size(output / "big.txt") <= 1'048'576);
}

TEST_CASE("fiona-run-one-job: quotes, blanks and signs in a line are data and nothing else")
{
    if (!has_sandbox()) {
        return;
    }
    JobSite world;
    world.add_study(1, 1, {{"SeriesDescription", "$(touch bad); `touch bad` '\" ../.."}});
    world.add_image("echo", "printf %s \"$ROR_CONT_OPTIONS\" >\"$2/options.txt\"\n"
                            "cp /data/descr.json \"$2/descr.json\"");
    const std::string odd = R"(a " b $(touch bad) `touch bad` ; touch bad & \ ../../ %s)";
    const auto options = json::write(json::Object{{"-z", odd + "\nline"}});
    world.list("a", 1, "echo:1",
               {{"ROR_CONT_OPTIONS", options},
                {"user", odd + "'\n"},
                {"stream", odd},
                {"project", "A ;&|<> B"}});
    world.list("../../../etc/x", 1, "echo:1", {{"ROR_CONT_OPTIONS", ""}});
    world.list("image", 1, "; touch bad:1");
    world.list("quote", 1, "echo:1", {{"project", "A'\"$(touch bad)"}});

    const auto run = world.run();

    INFO(run.err);
    CHECK(run.exit_code == EX_DATAERR); // image and quote
    CHECK(world.shelved("a").text("state") == "done");
    const auto folder = world.site.root() / "export" / "Workflows" / "A ;&|<> B" / "ror";
    const auto output = jobs::output_of(folder / jobs::folder_name("0", "echo:1", "a"));
    CHECK(read_file(output / "options.txt") == options);
    const auto described = json::parse(read_file(output / "descr.json"), "descr").array().at(0);
    CHECK(described.text("SeriesDescription") == "$(touch bad); `touch bad` '\" ../..");
    for (const auto& entry : fs::recursive_directory_iterator{world.site.root()}) {
        CHECK(entry.path().filename() != "bad");
    }
    CHECK_FALSE(fs::exists("bad"));
}

TEST_CASE("fiona-run-one-job: a PACS that is away costs no result and no second run")
{
    if (!has_sandbox()) {
        return;
    }
    JobSite world;
    world.add_study(1, 1);
    world.add_image("segment", JobSite::segment());
    world.list("a", 1, "segment:1");
    const auto port = world.pacs.port();
    world.site.set("RESEARCH_PACS", json::Object{{"host", "127.0.0.1"},
                                                 {"port", free_port()},
                                                 {"aet", "RESEARCH"},
                                                 {"timeout", 2}});

    const auto away = world.run();
    const auto output = world.output("a", "segment:1");
    const auto made = dicom::prescan_file(output / "MR_000000.dcm").sop_instance;
    world.site.set("RESEARCH_PACS",
                   json::Object{{"host", "127.0.0.1"}, {"port", port}, {"aet", "RESEARCH"}});
    const auto back = world.run();

    CHECK(away.exit_code == EX_UNAVAILABLE);
    INFO(back.err);
    CHECK(back.exit_code == EX_OK);
    CHECK(instances(world) == std::set<std::string>{made});
    CHECK(world.shelved("a").text("attempts") == "1");
}

TEST_CASE("fiona-run-one-job: values of output.json reach the project's REDCap, for its own "
          "participant only")
{
    if (!has_sandbox()) {
        return;
    }
    if (!has_tool("fiona-redcapd")) {
        std::cout << "SKIPPED: fiona-redcapd is not built\n";
        return;
    }
    JobSite world;
    world.site.start_redcap();
    const auto made = run_tool("fiona-redcapd",
                               {"project", "create", "--db", world.site.redcap_database().native(),
                                "--title", "DEMO", "--print-token"});
    REQUIRE(made.exit_code == EX_OK);
    const auto line = trimmed(made.out);
    const std::string token{line.substr(line.find_last_of(" \n") + 1)};
    world.site.client(redcap::Role::dtp)
        ->import_records(
            {{"DEMO",
              "",
              "",
              0,
              {{"project_name", "DEMO"}, {"project_active", "1"}, {"project_token", token}}}},
            redcap::Overwrite::normal);
    world.add_study(1, 1);
    const auto script = [](const std::string& record) {
        return fmt::format("cat >\"$2/output.json\" <<'END'\n[{{\"record_id\":\"{}\","
                           "\"redcap_event_name\":\"EventName:Event 1\",\"field_name\":\"age\","
                           "\"value\":\"42\"}}]\nEND\n",
                           record);
    };
    world.add_image("score", script("DEMO_0001"));
    world.add_image("other", script("DEMO_0002"));
    world.list("a", 1, "score:1");
    world.list("b", 1, "other:1");

    const auto run = world.run();

    INFO(run.err);
    CHECK(run.exit_code == EX_DATAERR);
    CHECK(world.shelved("a").text("state") == "done");
    CHECK(world.shelved("a").text("values") == "1");
    CHECK_THAT(world.shelved("b").text("reason"), Contains("no participant of the input"));
    const auto project = redcap::connect(world.site.config().redcap, Private{token});
    const auto rows = project->export_records({});
    REQUIRE(rows.size() == 1);
    CHECK(rows[0].record == "DEMO_0001");
    CHECK(rows[0].value("age") == "42");
}

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
