// SPDX-License-Identifier: MIT
#include "libfiona/base/files.h"
#include "libfiona/status/crontab.h"

#include <catch2/catch.hpp>

#include <cstdlib>
#include <ctime>

using namespace fiona;
using namespace std::chrono_literals;
using status::Schedule;
using store::KnownRun;

namespace {

std::string next(std::string_view schedule, const std::string& when)
{
    const auto due = Schedule::parse(schedule)->next(*parse_local_minute(when));
    return due ? local_minute(*due) : "never";
}

std::vector<KnownRun> last_run(const store::RunName& name, TimePoint ended)
{
    const store::Run run{.name = name, .host = "h", .pid = 1, .ticks = 1, .started = ended - 1s};
    return {{KnownRun::State::ended, run, store::EndedRun{run, ended, 0, {}}}};
}

} // namespace

TEST_CASE("the next time of a schedule is that of crontab(5)")
{
    CHECK(next("* * * * *", "2026-03-01 10:00") == "2026-03-01 10:01");
    CHECK(next("*/30 * * * *", "2026-03-01 10:00") == "2026-03-01 10:30");
    CHECK(next("15 3 * * *", "2026-03-01 10:00") == "2026-03-02 03:15");
    CHECK(next("2 */4 * * *", "2026-03-01 20:02") == "2026-03-02 00:02");
    CHECK(next("0 23 * * 3,6", "2026-03-01 10:00") == "2026-03-04 23:00"); // a Wednesday
    CHECK(next("0 0 * * 7", "2026-03-02 10:00") == "2026-03-08 00:00");    // a Sunday
    CHECK(next("0 0 1,15 * 5", "2026-03-02 10:00") == "2026-03-06 00:00"); // one of both days
    CHECK(next("0 0 29 2 *", "2026-12-31 10:00") == "never");              // not within 400 days
    CHECK(next("@daily", "2026-12-31 10:00") == "2027-01-01 00:00");
    CHECK(next("59 23 31 12 *", "2026-12-31 23:58") == "2026-12-31 23:59");
}

TEST_CASE("what is no schedule is none")
{
    const auto* const text = GENERATE("", "* * * *", "60 * * * *", "*/0 * * * *", "5-1 * * * *",
                                      "a * * * *", "* 24 * * *", "* * 0 * *", "* * * 13 *",
                                      "* * * * 8", "1, * * * *", "-1 * * * *", "@reboot");
    CAPTURE(text);
    CHECK_FALSE(Schedule::parse(text));
}

TEST_CASE("schedules cross the change to summer time without standing still")
{
    const auto* const before = std::getenv("TZ"); // NOLINT(concurrency-mt-unsafe) one thread
    const std::string kept = before == nullptr ? "" : before;
    ::setenv("TZ", "Europe/Oslo", 1); // NOLINT(concurrency-mt-unsafe) one thread
    ::tzset();

    CHECK(next("30 2 * * *", "2026-03-28 12:00") == "2026-03-30 02:30"); // no 02:30 on the 29th
    CHECK(next("0 * * * *", "2026-03-29 01:30") == "2026-03-29 03:00");
    CHECK(next("0 0 * * *", "2026-10-24 12:00") == "2026-10-25 00:00");

    ::setenv("TZ", kept.c_str(), 1); // NOLINT(concurrency-mt-unsafe) one thread
    ::tzset();
}

TEST_CASE("the shipped crontab is read line by line, with sub-commands and projects")
{
    const auto jobs = status::read_crontab(
        read_file(std::filesystem::path{FIONA_SOURCE_DIR} / "crontab.example")
        + "0 */2 * * * nice -n 3 /usr/bin/fiona-send-files --project GLIOMA --config x >> y 2>&1\n"
          "0 4 * * * fiona-get-all-patients | fiona-parse-all-patients\n"
          "0 4 * * * /usr/bin/backup\n");

    const auto named = [&](const std::string& tool) {
        return std::ranges::find_if(jobs, [&](const auto& job) { return job.name.tool == tool; });
    };
    CHECK(jobs.size() > 20);
    REQUIRE(named("fiona-assign") != jobs.end());
    CHECK(named("fiona-assign")->name.commands == std::vector<std::string>{"coupling", "expire"});
    CHECK(named("fiona-assign")->schedule == "15 3 * * *");
    CHECK(named("fiona-anonymize-send")->name.commands.empty());
    CHECK(named("fiona-send-files")->name.project == "GLIOMA");
    CHECK(named("fiona-redcapd") == jobs.end()); // a comment, where it is not embedded
    CHECK(named("fiona-get-all-patients") != jobs.end());
    CHECK(named("fiona-parse-all-patients") == jobs.end());
}

TEST_CASE("a job is overdue when its time has passed, a little later, and not while it runs")
{
    const auto jobs = status::read_crontab("*/30 * * * * fiona-cron\n");
    const auto ended = *parse_local_minute("2026-03-01 10:00") + 5s;
    auto runs = last_run(jobs.at(0).name, ended);
    const auto is_overdue = [&](TimePoint now) {
        return status::job_states(jobs, runs, std::nullopt, now).at(0).is_overdue;
    };

    CHECK_FALSE(is_overdue(*parse_local_minute("2026-03-01 10:32")));
    CHECK(is_overdue(*parse_local_minute("2026-03-01 10:34")));
    runs[0].state = KnownRun::State::running;
    CHECK_FALSE(is_overdue(*parse_local_minute("2026-03-01 12:00")));
    runs[0].state = KnownRun::State::killed;
    CHECK(is_overdue(*parse_local_minute("2026-03-01 12:00")));
}

TEST_CASE("a job that never ran is overdue only where runs are known for longer than its interval")
{
    const auto jobs = status::read_crontab("15 3 * * * fiona-verify receipt\n");
    const auto noon = *parse_local_minute("2026-03-01 12:00");

    CHECK_FALSE(status::job_states(jobs, {}, std::nullopt, noon).at(0).is_overdue);
    CHECK_FALSE(status::job_states(jobs, {}, noon - 1h, noon).at(0).is_overdue);
    CHECK(status::job_states(jobs, {}, noon - 24h, noon).at(0).is_overdue);
}

TEST_CASE("a run is found for its line, whatever stands between the tool and its sub-commands")
{
    const auto noon = *parse_local_minute("2026-03-01 12:00");
    const auto ran = [&](const std::string& line, const store::RunName& name) {
        const auto jobs = status::read_crontab("* * * * * " + line + "\n");
        REQUIRE(jobs.size() == 1);
        return status::job_states(jobs, last_run(name, noon), noon - 24h, noon)
            .at(0)
            .run.has_value();
    };
    const store::RunName summary{"fiona-status", {"summary"}, "", ""};

    CHECK(ran("fiona-status --config x summary --html y", summary));
    CHECK(ran("fiona-status summary --project=DEMO", {"fiona-status", {"summary"}, "DEMO", ""}));
    CHECK(ran("fiona-what-is-in-ids7 GLIOMA --from-pacs",
              {"fiona-what-is-in-ids7", {}, "", "GLIOMA"}));
    CHECK(ran("fiona-clear-stale-links /x 2>/dev/null", {"fiona-clear-stale-links", {}, "", ""}));
    CHECK_FALSE(ran("fiona-status --config summary queue list", {"fiona-status", {"why"}, "", ""}));
    CHECK_FALSE(ran("fiona-status summary --project OTHER", summary));
    CHECK_FALSE(ran("fiona-cron && fiona-status summary", summary));
    CHECK_FALSE(ran("fiona-what-is-in-ids7 GLIOMA", {"fiona-what-is-in-ids7", {}, "", "OTHER"}));
}

TEST_CASE("of several runs of a tool the one that is most like the line is its own")
{
    const auto noon = *parse_local_minute("2026-03-01 12:00");
    const auto jobs = status::read_crontab("0 * * * * fiona-what-is-in-ids7 GLIOMA --from-pacs\n");
    auto runs = last_run({"fiona-what-is-in-ids7", {}, "", ""}, noon);
    const auto own = last_run({"fiona-what-is-in-ids7", {}, "", "GLIOMA"}, noon - 1h);
    runs.insert(runs.end(), own.begin(), own.end());

    CHECK(status::job_states(jobs, runs, std::nullopt, noon).at(0).run->run.name.part == "GLIOMA");
}
