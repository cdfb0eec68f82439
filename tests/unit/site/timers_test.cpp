// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/base/process.h"
#include "libfiona/site/places.h"
#include "libfiona/site/timers.h"
#include "tests/support/skip.h"
#include "tests/support/temp_dir.h"

#include <catch2/catch.hpp>

#include <filesystem>
#include <fstream>
#include <map>

using namespace fiona;
using namespace fiona::site;
using Catch::Matchers::Contains;
namespace fs = std::filesystem;

namespace {

JobTemplates shipped_templates()
{
    const fs::path directory{FIONA_SOURCE_DIR "/share/systemd/jobs"};
    return {read_file(directory / "job.service"), read_file(directory / "job.timer")};
}

std::map<std::string, TimedJob> by_name(const std::vector<TimedJob>& jobs)
{
    std::map<std::string, TimedJob> named;
    for (const auto& job : jobs) {
        CHECK(named.emplace(job.name, job).second);
    }
    return named;
}

} // namespace

TEST_CASE("a schedule of cron is written as systemd writes it")
{
    CHECK(calendar_of("* * * * *") == "*-*-* *:*:00 UTC");
    CHECK(calendar_of("*/30 * * * *") == "*-*-* *:00/30:00 UTC");
    CHECK(calendar_of("1 * * * *") == "*-*-* *:01:00 UTC");
    CHECK(calendar_of("2 */4 * * *") == "*-*-* 00/4:02:00");
    CHECK(calendar_of("0 23 * * 3,6") == "Wed,Sat *-*-* 23:00:00");
    CHECK(calendar_of("5 6-18 1,15 * *") == "*-*-01,15 06..18:05:00");
    CHECK(calendar_of("0 0 * 1-6/2 *") == "*-01..06/2-* 00:00:00");
    CHECK(calendar_of("0 0 * * 1-5") == "Mon,Tue,Wed,Thu,Fri *-*-* 00:00:00");
    CHECK(calendar_of("0 0 * * 0-2") == "Sun,Mon,Tue *-*-* 00:00:00");
    CHECK(calendar_of("* * * * 5-7") == "Fri,Sat,Sun *-*-* *:*:00");
    CHECK(calendar_of("*/60 3 * * *") == "*-*-* 03:00:00");
    CHECK(calendar_of("@daily") == "*-*-* 00:00:00");
}

TEST_CASE("what comes every minute comes in the hour that the clock repeats, too")
{
    if (!fs::exists("/usr/bin/systemd-analyze")) {
        skip("no systemd-analyze");
        return;
    }
    const auto next =
        run({.arguments = {"/usr/bin/systemd-analyze", "calendar",
                           "--base-time=2026-10-25 00:59:30 UTC", calendar_of("* * * * *")},
             .environment = {"TZ=Europe/Oslo"}});

    CHECK_THAT(next.out, Contains("2026-10-25 01:00:00 UTC")); // the second time 02:00 in Oslo
}

TEST_CASE("what is no schedule, or has no match, is refused")
{
    for (const auto* const wrong :
         {"", "* * * *", "* * * * * *", "60 * * * *", "* 24 * * *", "0 0 0 * *", "*/0 * * * *",
          "x * * * *", "1- * * * *", "0 6-5 * * *", "0 0 * * 5-1", "1,,2 * * * *", "0 0 1 * 1",
          "0 0 * * */2", "-1 * * * *"}) {
        CAPTURE(wrong);
        CHECK_THROWS_AS(calendar_of(wrong), Error);
    }
}

TEST_CASE("a line becomes a service and a timer with its lock's name, log and niceness")
{
    const auto jobs =
        by_name(timed_jobs("MAILTO=\"\"\n"
                           "# 0 * * * * flock x.pid /bin/never >> /log\n"
                           "* * * * * /bin/fiona-storescp start --config /c.json >> /l/r.log 2>&1\n"
                           "15 3 * * * nice -n 3 flock -n -E 75 --close /p/expire.pid "
                           "/bin/fiona-assign coupling expire "
                           "--config /c.json >> /l/a.log 2>&1\n",
                           shipped_templates()));
    REQUIRE(jobs.size() == 1);
    const auto& job = jobs.at("expire");
    CHECK_THAT(job.service,
               Contains("\nExecStart=/bin/sh -c 'exec /bin/fiona-assign coupling expire --config "
                        "/c.json >> /l/a.log 2>&1'\n")
                   && Contains("\nNice=3\n") && Contains("\nSuccessExitStatus=75\n")
                   && Contains("man:fiona-assign(1)"));
    CHECK_THAT(job.timer,
               Contains("\nOnCalendar=*-*-* 03:15:00\n") && Contains("\nPersistent=yes\n"));
    CHECK_THROWS_AS(timed_jobs("* * * * * flock -n /p/x.pid /bin/x\n", shipped_templates()), Error);
}

TEST_CASE("every active line of the shipped crontab becomes units that systemd accepts")
{
    auto crontab = read_file(FIONA_SOURCE_DIR "/crontab.example");
    const auto jobs = by_name(timed_jobs(crontab, shipped_templates()));
    CHECK(jobs.contains("fiona-anonymize-send"));
    CHECK(jobs.contains("fiona-clear-exports"));
    CHECK_FALSE(jobs.contains("fiona-storescp"));
    CHECK_THAT(jobs.at("fiona-cron").service, Contains("ProtectSystem=strict"));
    CHECK_THAT(jobs.at("fiona-heartbeat").service, Contains(" --supervised >> "));
    // A full disk is a failure; a page that tells of one is not.
    CHECK_THAT(jobs.at("fiona-clear-old").service, Contains("\nSuccessExitStatus=75\n"));
    CHECK_THAT(jobs.at("fiona-status").service, Contains("\nSuccessExitStatus=1 2 75\n"));
    CHECK_THAT(jobs.at("fiona-run-one-job").service, !Contains("ProtectSystem"));
    for (const auto& [name, job] : jobs) {
        CAPTURE(name);
        for (const auto* const place :
             {"@UNIT@", "@TOOL@", "@NICE@", "@COMMAND@", "@LOG@", "@NO_FAILURES@"}) {
            CHECK_THAT(job.service, !Contains(place));
        }
        CHECK_THAT(job.timer, !Contains("@"));
    }
    if (!fs::exists("/usr/bin/systemd-analyze")) {
        skip("no systemd-analyze");
        return;
    }
    for (const auto& [name, job] : jobs) {
        CAPTURE(name);
        const auto at = job.timer.find("OnCalendar=") + std::string_view{"OnCalendar="}.size();
        const auto calendar = job.timer.substr(at, job.timer.find('\n', at) - at);
        CHECK(run({.arguments = {"/usr/bin/systemd-analyze", "calendar", calendar}}).exit_code
              == 0);
    }
    // It warns and still succeeds: any word about one of the files is a fault.
    const TempDir units;
    std::vector<std::string> verify{"/usr/bin/systemd-analyze", "verify", "--man=no"};
    for (const auto& [name, job] : jobs) {
        auto service = replaced(job.service, "@USER@", "root");
        for (const auto* const place : {"@BIN@", "@CONFIG@", "@LOGS@", "@DATA@", "@PROCESSING@",
                                        "@SERVER@", "@APPLICATIONS@", "@EXPORT@"}) {
            service = replaced(std::move(service), place, "/data");
        }
        std::ofstream{units.path / (name + ".service")} << service;
        std::ofstream{units.path / (name + ".timer")} << job.timer;
        verify.push_back((units.path / (name + ".timer")).native());
    }
    const auto said = run({.arguments = verify});
    CHECK_THAT(said.out + said.err, !Contains(units.path.native()));
}
