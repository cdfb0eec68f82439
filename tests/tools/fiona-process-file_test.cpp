// SPDX-License-Identifier: MIT
#include "libfiona/base/files.h"
#include "libfiona/base/json.h"
#include "libfiona/base/unique_fd.h"
#include "libfiona/ingest/file_daemon.h"
#include "libfiona/store/atomic_file.h"
#include "tests/support/refused_command.h"
#include "tests/support/run_tool.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/ingest/phantom_file.h"

#include <catch2/catch.hpp>

#include <fcntl.h>
#include <sysexits.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <functional>
#include <thread>

using namespace fiona;
using Catch::Contains;
namespace fs = std::filesystem;

namespace {

struct Site {
    TempDir root;
    fs::path file = make_site(root.path);
    Config config = Config::load(file);
    store::StudyTree tree{config.paths};

    Site() = default;
    Site(const Site&) = delete;
    Site& operator=(const Site&) = delete;
    ~Site() { tool({"stop"}); }

    // NOLINTNEXTLINE(modernize-use-nodiscard) some calls are made for their effect
    Outcome tool(std::vector<std::string> arguments) const
    {
        arguments.insert(arguments.begin(), {"--config", file});
        return run_tool("fiona-process-file", arguments);
    }
    [[nodiscard]] json::Value properties() const
    {
        return json::parse(
            read_file(tree.series_json(StudyUid{study_uid}, SeriesUid{series_uid(1)})), "json");
    }
    [[nodiscard]] std::size_t waiting() const
    {
        return store::Spool{config.paths.spool()}.count_waiting();
    }
};

/// Looks until it holds or ten seconds have passed.
bool eventually(const std::function<bool()>& holds)
{
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds{10};
    while (!holds()) {
        if (std::chrono::steady_clock::now() > deadline) {
            return false;
        }
        std::this_thread::yield();
    }
    return true;
}

} // namespace

TEST_CASE("fiona-process-file: once sorts what waits, a second run does nothing")
{
    const Site site;
    for (unsigned number = 1; number <= 3; ++number) {
        receive_image(site.config.paths, 1, number);
    }

    const auto first = site.tool({"once"});
    const auto json = site.tree.series_json(StudyUid{study_uid}, SeriesUid{series_uid(1)});
    const auto written = fs::last_write_time(json);
    const auto second = site.tool({"--json", "once"});

    CHECK(first.exit_code == EX_OK);
    CHECK(first.out == "processed 3, failed 0, postponed 0\n");
    CHECK(second.exit_code == EX_OK);
    CHECK(json::parse(second.out, "out").text("processed") == "0");
    CHECK(fs::last_write_time(json) == written);
    CHECK(site.properties().text("NumFiles") == "3");
}

TEST_CASE("fiona-process-file: no log line or output names the patient")
{
    const Site site;
    receive_image(site.config.paths, 1, 1);
    receive_image(site.config.paths, 1, 2);
    store::write_file(site.config.paths.archive() / ("scp_" + study_uid) / ("MR." + sop_uid(1, 2)),
                      "DOE^JANE");

    const auto run = site.tool({"-v", "once"});

    for (const auto* const secret : {"DOE", "TEST01", "ACC1", "t1 mprage", study_uid.c_str()}) {
        CAPTURE(secret);
        CHECK_THAT(run.out + run.err, !Contains(secret));
    }
}

TEST_CASE("fiona-process-file: one bad file among good ones is set aside, exit 65")
{
    const Site site;
    receive_image(site.config.paths, 1, 1);
    receive_image(site.config.paths, 1, 2);
    store::write_file(site.config.paths.archive() / ("scp_" + study_uid) / ("MR." + sop_uid(1, 1)),
                      "no image");

    const auto run = site.tool({"once"});

    CHECK(run.exit_code == EX_DATAERR);
    CHECK_THAT(run.err, Contains("event=entry_given_up"));
    CHECK(site.properties().text("NumFiles") == "1");
    CHECK_THAT(site.tool({"status"}).out, Contains("failed 1"));
}

TEST_CASE("fiona-process-file: a dry run announces, retries and changes nothing")
{
    const Site site;
    const auto image = store_image(site.config.paths, 1, 1);

    CHECK(site.tool({"-n", "start"}).out == "would start\n");
    CHECK_FALSE(store::running_daemon(ingest::pid_file(site.config)));
    CHECK(site.tool({"-n", "run"}).exit_code == EX_USAGE);
    CHECK(site.tool({"-n", "send", image}).exit_code == EX_OK);
    CHECK_THAT(site.tool({"-n", "reconcile"}).out, Contains("queued 1"));
    CHECK(site.waiting() == 0);
    CHECK(site.tool({"send", image}).exit_code == EX_OK);
    CHECK(site.waiting() == 1);
    CHECK(site.tool({"-n", "once"}).out == "would process 1\n");
    CHECK(site.waiting() == 1);
    CHECK(site.tool({"once"}).exit_code == EX_OK);
    CHECK(site.tool({"-n", "reclassify", "all"}).out
          == "series 1, changed 0, unreadable images 0\n");
}

TEST_CASE("fiona-process-file: one study that cannot be read keeps no other from new types")
{
    const Site site;
    receive_image(site.config.paths, 1, 1);
    REQUIRE(site.tool({"once"}).exit_code == EX_OK);
    fs::create_directories(site.config.paths.raw() / "1.2.3" / "1.2.3.4.json"); // no file

    const auto run = site.tool({"reclassify", "all"});

    CHECK(run.exit_code == EX_TEMPFAIL);
    CHECK(run.out == "series 1, changed 0, unreadable images 0\n");
    CHECK_THAT(run.err, Contains("event=study_skipped"));
}

TEST_CASE("fiona-process-file: a wrong command line is exit 64")
{
    const auto arguments =
        GENERATE(std::vector<std::string>{}, std::vector<std::string>{"dance"},
                 std::vector<std::string>{"send"}, std::vector<std::string>{"--bogus", "once"});

    CHECK(answer_to_wrong_command("fiona-process-file", arguments) == "refused");
}

TEST_CASE(
    "fiona-process-file: mistakes in the rules are told, exit 65, and no rules file at all, 66")
{
    const Site site;
    const auto rules = site.root / "rules.json";
    store::write_file(rules, R"([{"type": "X", "rules": [{"tag": ["Modality"], "value": "("}]}])");

    CHECK(site.tool({"test-rules"}).exit_code == EX_OK);
    const auto bad = site.tool({"--rules", rules, "test-rules"});
    CHECK(bad.exit_code == EX_DATAERR);
    CHECK_THAT(bad.err, Contains("object 1: rules[0].value"));
    store::write_file(rules, "[");
    CHECK(site.tool({"--rules", rules, "once"}).exit_code == EX_CONFIG);
    fs::remove(rules);
    CHECK(site.tool({"--rules", rules, "once"}).exit_code == EX_NOINPUT);
}

TEST_CASE("fiona-process-file: the daemon works at once, runs once, survives SIGHUP, and stops")
{
    const Site site;

    CHECK(site.tool({"start"}).out == "started\n");
    CHECK(site.tool({"start"}).out == "already running\n");
    CHECK(site.tool({"-n", "stop"}).out == "would stop\n");
    CHECK(site.tool({"once"}).exit_code == EX_TEMPFAIL);
    receive_image(site.config.paths, 1, 1);
    CHECK(eventually([&] { return site.waiting() == 0; }));
    const auto pid = store::running_daemon(ingest::pid_file(site.config));
    REQUIRE(pid.has_value());
    ::kill(*pid, SIGHUP);
    CHECK(eventually([&] {
        return read_file(ingest::log_file(site.config)).find("rules_reloaded") != std::string::npos;
    }));
    CHECK_THAT(site.tool({"status"}).out, Contains("running, pid"));
    CHECK(site.tool({"stop"}).out == "stopped\n");
    CHECK(site.tool({"stop"}).out == "not running\n");
    CHECK(site.properties().text("NumFiles") == "1");
}

TEST_CASE(
    "fiona-process-file: SIGHUP with rules that cannot be read keeps the old ones and says so")
{
    const Site site;
    const auto rules = site.root / "rules.json";
    const auto write_rules = [&](const std::string& type) {
        store::write_file(rules, R"([{"type": ")" + type
                                     + R"(", "rules": [{"tag": ["Modality"], "value": "MR"}]}])");
    };
    const auto types_of = [&](unsigned series) {
        receive_image(site.config.paths, series, 1);
        const auto file = site.tree.series_json(StudyUid{study_uid}, SeriesUid{series_uid(series)});
        CHECK(eventually([&] { return site.waiting() == 0 && fs::exists(file); }));
        return json::write(*json::parse(read_file(file), "series").find("ClassifyType"));
    };
    write_rules("first");
    REQUIRE(site.tool({"--rules", rules, "start"}).exit_code == EX_OK);
    const auto pid = store::running_daemon(ingest::pid_file(site.config));
    REQUIRE(pid.has_value());
    const auto tell = [&](const std::string& event) {
        ::kill(*pid, SIGHUP);
        return eventually([&] {
            return read_file(ingest::log_file(site.config)).find("event=" + event)
                   != std::string::npos;
        });
    };
    CHECK_THAT(types_of(1), Contains("first"));

    store::write_file(rules, "[{");
    CHECK(tell("rules_kept"));
    CHECK_THAT(types_of(2), Contains("first"));
    CHECK_THAT(read_file(ingest::log_file(site.config)), !Contains("rules_reloaded"));

    write_rules("second");
    CHECK(tell("rules_reloaded"));
    CHECK_THAT(types_of(3), Contains("second") && !Contains("first"));
}

TEST_CASE("fiona-process-file: the daemon sorts what comes even if it cannot look for lost files")
{
    const Site site;
    fs::create_directories(site.config.paths.spool() / "reconciled"); // its stamp cannot be written

    REQUIRE(site.tool({"start"}).exit_code == EX_OK);

    CHECK(eventually([&] {
        return read_file(ingest::log_file(site.config)).find("reconcile_failed")
               != std::string::npos;
    }));
    receive_image(site.config.paths, 1, 1);
    CHECK(eventually([&] { return site.waiting() == 0; }));
    CHECK(site.tool({"stop"}).out == "stopped\n");
}

TEST_CASE("fiona-process-file: killed half-way, the next run finishes the work")
{
    const Site site;
    constexpr unsigned images = 200;
    for (unsigned number = 1; number <= images; ++number) {
        receive_image(site.config.paths, 1, number);
    }
    REQUIRE(site.tool({"start"}).exit_code == EX_OK);
    CHECK(eventually(
        [&] { return fs::exists(site.config.paths.raw() / study_uid / series_uid(1)); }));
    const auto pid = store::running_daemon(ingest::pid_file(site.config));
    REQUIRE(pid.has_value());
    ::kill(*pid, SIGKILL);
    CHECK(eventually([&] { return !store::running_daemon(ingest::pid_file(site.config)); }));

    CHECK(site.tool({"once"}).exit_code == EX_OK);

    CHECK(site.waiting() == 0);
    CHECK(site.properties().text("NumFiles") == std::to_string(images));
}

TEST_CASE(
    "fiona-process-file: lines of programs of the original are sorted, whatever stands around them")
{
    const Site site;
    const auto first = store_image(site.config.paths, 1, 1);
    const auto second = store_image(site.config.paths, 1, 2);
    const auto third = store_image(site.config.paths, 1, 3);
    REQUIRE(site.tool({"start"}).exit_code == EX_OK);
    CHECK(eventually([&] { // its own search for lost files comes first
        return read_file(ingest::log_file(site.config)).find("event=series_updated")
                   != std::string::npos
               && store::Spool{site.config.paths.spool()}.count_waiting() == 0;
    }));
    const auto pipe = site.config.paths.data / "run" / "processSingleFile.pipe";
    const UniqueFd fd{::open(pipe.c_str(), O_WRONLY | O_NONBLOCK)};
    REQUIRE(fd);

    fs::remove_all(site.config.paths.raw()); // so that only the lines can bring them back
    const auto line = [](const fs::path& file) {
        return "\"SCAN NER\",FIONA,," + file.parent_path().native() + "," + file.filename().native()
               + "\n" + std::string(1, '\0');
    };
    write_all(fd.get(), line(first) + "\n\n" + line("/etc/passwd") + "DOE^JANE,\xff\n", "pipe");
    write_all(fd.get(), std::string(20'000, 'x') + "\n", "pipe");
    write_all(fd.get(), line(second) + third.native(), "pipe"); // the last one without an end

    CHECK(eventually([&] {
        return site.tree.count_instances(StudyUid{study_uid}, SeriesUid{series_uid(1)}) == 3;
    }));
    CHECK(site.tool({"stop"}).out == "stopped\n");
    CHECK_THAT(json::write(site.properties()), Contains("\"AETitleCaller\":\"SCANNER\""));
    const auto log = read_file(ingest::log_file(site.config));
    CHECK_THAT(log, Contains("reason=\"too long\"") && Contains("is not in the archive")
                        && !Contains("DOE") && !Contains("passwd"));
}

TEST_CASE("fiona-process-file: the old name in /tmp is there while the daemon runs, if asked for")
{
    Site site;
    const auto project = fmt::format("T{}", ::getpid());
    auto document = site.config.document;
    document.object()["SITES"] =
        json::Object{{project, json::Object{{"DATADIR", "/data" + project}}}};
    store::write_file(site.file, json::write(document));
    const fs::path name = "/tmp/.processSingleFilePipe" + project;

    REQUIRE(site.tool({"--project", project, "--legacy-pipe", "start"}).exit_code == EX_OK);
    CHECK(eventually([&] { return fs::is_fifo(name); }));
    CHECK(site.tool({"--project", project, "stop"}).out == "stopped\n");
    CHECK_FALSE(fs::is_symlink(name));
}

TEST_CASE("fiona-process-file: send refuses what is not in the archive")
{
    const Site site;
    const auto image = store_image(site.config.paths, 1, 1);
    fs::copy_file(image, site.root / "outside.dcm");

    const auto run = site.tool({"send", site.root / "outside.dcm"});
    CHECK(run.exit_code == EX_DATAERR);
    CHECK_THAT(run.err, !Contains("outside"));
    CHECK(site.tool({"send", "/no/such/file"}).exit_code == EX_NOINPUT);
    CHECK(site.tool({"send", "a,b,c"}).exit_code == EX_DATAERR);
    CHECK(site.waiting() == 0);
    CHECK(site.tool({"test"}).exit_code == EX_OK); // the original's name of test-rules
}
