// SPDX-License-Identifier: MIT
#include "libfiona/base/file_lock.h"
#include "libfiona/base/files.h"
#include "libfiona/base/json.h"
#include "libfiona/base/process.h"
#include "libfiona/base/unique_fd.h"
#include "libfiona/store/arrival_marks.h"
#include "libfiona/store/atomic_file.h"
#include "libfiona/store/incoming_list.h"
#include "tests/support/refused_command.h"
#include "tests/support/run_tool.h"
#include "tests/support/site.h"
#include "tests/support/sorted_site.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/ingest/phantom_file.h"

#include <catch2/catch.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <sysexits.h>

#include <csignal>

using namespace fiona;
using Catch::Matchers::Contains;
namespace fs = std::filesystem;

namespace {

/// A site with one sorted study whose last image came an hour ago.
struct ArrivedSite {
    TempDir root;
    fs::path file = make_site(root.path);
    Config config = Config::load(file);
    store::IncomingList list{config.paths.incoming_list()};

    ArrivedSite()
    {
        receive_image(config.paths, 1, 1);
        REQUIRE(run_tool("fiona-process-file", {"--config", file, "once"}).exit_code == EX_OK);
        store::ArrivalMarks{config.paths.arrived()}.touch(
            {"SCANNER 1", "FIONA", "scanner1", StudyUid{study_uid}, {}});
        age_marks();
    }
    void age_marks() const
    {
        for (const auto& entry : fs::directory_iterator{config.paths.arrived()}) {
            if (entry.is_regular_file()) {
                fs::last_write_time(entry,
                                    fs::file_time_type::clock::now() - std::chrono::hours{1});
            }
        }
    }
    /// The environment that programs need.
    [[nodiscard]] static std::vector<std::string> environment() { return {"PATH=/usr/bin:/bin"}; }
    /// `streams` with the log and the directory of the test put in.
    void put_streams(std::string streams) const
    {
        for (const auto& [what, with] :
             {std::pair<std::string, std::string>{"@LOG@", root / "stream.log"},
              {"@OUT@", root.path}}) {
            for (auto at = streams.find(what); at != std::string::npos; at = streams.find(what)) {
                streams.replace(at, what.size(), with);
            }
        }
        make_directories(config.streams.parent_path());
        store::write_file(config.streams, "{\"Streams\": " + streams + "}");
    }
    /// That of the running program, from the state of the only mark that has one.
    [[nodiscard]] std::string noted_pid() const
    {
        for (const auto& entry : fs::directory_iterator{config.paths.arrived() / ".state"}) {
            const auto text = read_file_if_any(entry).value_or("");
            const auto at = text.find(R"("pid":)");
            if (entry.path().extension() == ".json" && at != std::string::npos) {
                return std::to_string(std::stoi(text.substr(at + 6))) + "\n";
            }
        }
        return "";
    }
    // NOLINTNEXTLINE(modernize-use-nodiscard) some calls are made for their effect
    Outcome tool(std::vector<std::string> arguments = {}) const
    {
        arguments.insert(arguments.begin(), {"--config", file});
        return run_tool("fiona-detect-arrival", arguments, environment());
    }
};

} // namespace

TEST_CASE("fiona-detect-arrival: a quiet study is listed, a second run does nothing")
{
    const ArrivedSite site;

    const auto first = site.tool();
    const auto before = read_file(site.config.paths.incoming_list());
    const auto second = site.tool({"--json"});

    CHECK(first.exit_code == EX_OK);
    CHECK(first.out == "studies 1, series 1, actions 0, waiting 0, postponed 0, failed 0\n");
    CHECK(site.list.lines().size() == 1);
    CHECK(second.exit_code == EX_OK);
    CHECK(json::parse(second.out, "out").text("studies") == "0");
    CHECK(read_file(site.config.paths.incoming_list()) == before);
}

TEST_CASE("fiona-detect-arrival: a study that is not quiet waits")
{
    const ArrivedSite site;

    CHECK(site.tool({"--quiet-time", "7200"}).out
          == "studies 0, series 0, actions 0, waiting 2, postponed 0, failed 0\n");
    CHECK(site.list.lines().empty());
}

TEST_CASE("fiona-detect-arrival: a dry run lists nothing and leaves the marks")
{
    const ArrivedSite site;

    CHECK(site.tool({"-n"}).out
          == "studies 1, series 1, actions 0, waiting 0, postponed 0, failed 0\n");
    CHECK(site.list.lines().empty());
    CHECK(store::ArrivalMarks{site.config.paths.arrived()}.all().size() == 2);
}

TEST_CASE("fiona-detect-arrival: a mark nobody understands stops no other")
{
    const ArrivedSite site;
    store::write_file(site.config.paths.arrived() / "what is this", "");
    site.age_marks();

    CHECK(site.tool().exit_code == EX_DATAERR);
    CHECK(site.list.lines().size() == 1);
    CHECK(fs::exists(site.config.paths.arrived() / ".failed" / "what is this"));
    CHECK(site.tool().exit_code == EX_OK);
    CHECK(site.tool({"--retry-failed"}).out == "retried 0\n");
}

TEST_CASE("fiona-detect-arrival: a wrong command line is exit 64")
{
    CHECK(answer_to_wrong_command("fiona-detect-arrival", {"--quiet-time", "soon"}) == "refused");
    CHECK(answer_to_wrong_command("fiona-detect-arrival", {"study"}) == "refused");
    CHECK(answer_to_wrong_command("fiona-detect-arrival", {"--watch", "--once"}) == "refused");
}

TEST_CASE("fiona-detect-arrival: marks claimed by a killed run are handled by the next")
{
    const ArrivedSite site;
    const store::ArrivalMarks marks{site.config.paths.arrived()};
    for (const auto& mark : marks.all()) {
        REQUIRE(marks.claim(mark.name)); // what SIGKILL between claim and finish leaves
    }

    CHECK(site.tool().out == "studies 1, series 1, actions 0, waiting 0, postponed 0, failed 0\n");
    CHECK(site.list.lines().size() == 1);
    CHECK(marks.claimed().empty());
}

TEST_CASE("fiona-detect-arrival: two runs at a time are one too many")
{
    const ArrivedSite site;
    fs::create_directories(site.config.paths.pids());
    const FileLock other{site.config.paths.pids() / "fiona-detect-arrival.lock"};

    CHECK(site.tool().exit_code == EX_TEMPFAIL);
    CHECK(site.list.lines().empty());
}

TEST_CASE("fiona-detect-arrival: a matching stream runs, and a second run does nothing")
{
    const ArrivedSite site;
    site.put_streams(R"([{"name": "S", "trigger": {"AETitleCalled": "FIONA"}, "log": "@LOG@",
        "trigger-study": [{"type": "exec", "cmd": ["touch", "@OUT@/@StudyInstanceUID@"]}]}])");

    const auto dry = site.tool({"-n"});
    CHECK(dry.exit_code == EX_OK);
    CHECK_THAT(dry.err, Contains("event=stream_matched stream=S"));
    CHECK_FALSE(fs::exists(site.root.path / ("scp_" + study_uid)));

    CHECK(site.tool().out == "studies 1, series 1, actions 1, waiting 0, postponed 0, failed 0\n");
    CHECK(fs::exists(site.root.path / ("scp_" + study_uid)));
    CHECK(site.tool().out == "studies 0, series 0, actions 0, waiting 0, postponed 0, failed 0\n");
    const auto log = read_file(site.root / "stream.log");
    CHECK_THAT(log, Contains(R"("exit_code":0)") && !Contains(study_uid));
}

TEST_CASE("fiona-detect-arrival: killed in the middle of a list, the next run goes on with it")
{
    const ArrivedSite site;
    // The second action blocks on a FIFO until somebody writes into it.
    const auto fifo = site.root / "fifo";
    REQUIRE(::mkfifo(fifo.c_str(), 0600) == 0);
    site.put_streams(R"([{"name": "S", "log": "@LOG@", "trigger-study": [
        {"cmd": ["sh", "-c", "echo first >> @OUT@/done"]},
        {"cmd": ["sh", "-c", "echo $$ > @OUT@/pid; cat @OUT@/fifo; echo second >> @OUT@/done"]}]}])");
    const auto pid_of = [&] { return read_file_if_any(site.root / "pid").value_or(""); };

    run_tool_and_kill("fiona-detect-arrival", {"--config", site.file}, site.environment(),
                      [&] { return pid_of().ends_with('\n') && site.noted_pid() == pid_of(); });
    const auto left_behind = std::stoi(pid_of());
    CHECK(site.list.lines().size() == 1);
    CHECK(start_ticks(left_behind).has_value());

    Background again{"fiona-detect-arrival", {"--config", site.file}, site.root / "log"};
    CHECK(wait_until([&] { return !start_ticks(left_behind); })); // never two at once
    CHECK(wait_until([&] {
        return fs::exists(site.root / "pid") && pid_of().ends_with('\n')
               && std::stoi(pid_of()) != left_behind;
    }));
    CHECK(wait_until([&] {
        const UniqueFd fd{::open(fifo.c_str(), O_WRONLY | O_NONBLOCK)};
        return static_cast<bool>(fd);
    }));
    CHECK(wait_until([&] { return !again.runs(); }));

    CHECK(read_file(site.root / "done") == "first\nsecond\n");
    CHECK(site.list.lines().size() == 1);
    CHECK(store::ArrivalMarks{site.config.paths.arrived()}.claimed().empty());
}

TEST_CASE("fiona-detect-arrival: a watch sees what comes, holds the lock, and ends at SIGTERM")
{
    const ArrivedSite site;
    site.put_streams(R"([{"name": "SLOW", "log": "@LOG@", "trigger": {"AETitleCaller": "SCANNER"},
        "trigger-study": [{"cmd": ["sh", "-c", "touch @OUT@/began; sleep 600"]}]}])");
    Background watch{"fiona-detect-arrival",
                     {"--config", site.file, "--quiet-time", "1", "--watch"},
                     site.root / "log"};

    // A long action of one study...
    CHECK(wait_until([&] { return fs::exists(site.root / "began"); }));
    CHECK(site.tool().exit_code == EX_TEMPFAIL);
    // ...does not keep another from being listed.
    sort_object(site.config.paths, "1.2.3", "1.2.3.1", "1.2.3.1.1");
    store::ArrivalMarks{site.config.paths.arrived()}.touch(
        {"OTHER", "FIONA", "scanner2", StudyUid{"1.2.3"}, {}});
    CHECK(wait_until([&] { return site.list.lines().size() == 2; }));
    CHECK(watch.signal(SIGTERM) == EX_OK);

    // What ran is run again by the next.
    const auto state = site.config.paths.arrived() / ".work";
    CHECK(std::distance(fs::directory_iterator{state}, fs::directory_iterator{}) == 1);
}

TEST_CASE("fiona-detect-arrival: what was given up is tried again when asked for")
{
    const ArrivedSite site;
    const store::ArrivalMarks marks{site.config.paths.arrived()};
    const auto all = marks.all();
    for (const auto& mark : all) {
        REQUIRE(marks.claim(mark.name));
        marks.fail(mark.name);
    }

    CHECK(site.tool({"--retry-failed", "-n"}).out == "retried 2\n");
    CHECK(marks.failed().size() == 2);
    CHECK(site.tool({"--retry-failed"}).out == "retried 2\n");
    CHECK(site.tool().out == "studies 1, series 1, actions 0, waiting 0, postponed 0, failed 0\n");
    CHECK(marks.failed().empty());
}
