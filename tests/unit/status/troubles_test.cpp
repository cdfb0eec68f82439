// SPDX-License-Identifier: MIT
#include "libfiona/status/chart.h"
#include "libfiona/status/request_queue.h"
#include "libfiona/status/summary.h"
#include "tests/support/sorted_site.h"

#include <catch2/catch.hpp>

#include <sysexits.h>

using namespace fiona;
using namespace std::chrono_literals;
using Catch::Matchers::Contains;
using status::RequestState;
using status::Summary;
using store::KnownRun;

namespace {

const TimePoint noon = *parse_local_minute("2026-03-10 12:00");

Summary well()
{
    Summary summary;
    summary.when = noon;
    summary.host = "fiona";
    summary.daemons = {{"fiona-storescp", "x", true, 12}};
    summary.peers = {{"REDCap", true, "", 100ms}};
    return summary;
}

status::JobState job(KnownRun::State state, int exit_code, std::optional<TimePoint> success)
{
    auto jobs = status::read_crontab("* * * * * fiona-anonymize-send\n");
    const store::Run run{
        .name = jobs[0].name, .host = "h", .pid = 1, .ticks = 1, .started = noon - 30s};
    return {jobs[0], KnownRun{state, run, store::EndedRun{run, noon - 20s, exit_code, success}},
            false};
}

std::size_t troubles(const Summary& summary)
{
    return status::troubles_of(summary, {}).size();
}

} // namespace

TEST_CASE("a site that is well has no trouble and the exit code 0")
{
    auto summary = well();
    summary.jobs = {job(KnownRun::State::ended, 0, noon), job(KnownRun::State::running, 0, noon)};

    CHECK(troubles(summary) == 0);
    CHECK(status::exit_code_of(summary) == 0);
    CHECK_THAT(status::as_lines(summary).front(), Contains("all is well"));
}

TEST_CASE("a job that says try again is a trouble only when it has said so for an hour")
{
    auto summary = well();

    summary.jobs = {job(KnownRun::State::ended, EX_TEMPFAIL, noon - 10min)};
    CHECK(troubles(summary) == 0);
    summary.jobs = {job(KnownRun::State::ended, EX_TEMPFAIL, noon - 2h)};
    CHECK(troubles(summary) == 1);
    summary.jobs = {job(KnownRun::State::ended, EX_TEMPFAIL, std::nullopt)};
    CHECK(troubles(summary) == 1);
    summary.jobs = {job(KnownRun::State::ended, EX_CONFIG, noon - 1min)};
    CHECK(troubles(summary) == 1);
    summary.jobs = {job(KnownRun::State::killed, 0, noon - 1min)};
    CHECK(troubles(summary) == 1);
}

TEST_CASE("a held request is nobody's trouble, a failed one and an old one are")
{
    auto summary = well();
    summary.requests[RequestState::held] = {3, noon - 100h};
    summary.requests[RequestState::dropped] = {3, noon - 100h};
    CHECK(troubles(summary) == 0);

    summary.requests[RequestState::failed] = {1, noon - 1h};
    summary.requests[RequestState::waiting] = {1, noon - 25h};
    CHECK(troubles(summary) == 2);
}

TEST_CASE("what waits too long beside the road is a trouble, each queue has its patience")
{
    auto summary = well();
    status::OtherQueue outbox;
    outbox.name = "outbox";
    outbox.waiting = 1;
    outbox.oldest = noon - 23h;
    outbox.next_if_late = "look at it";
    summary.queues = {outbox};
    CHECK(troubles(summary) == 0);

    summary.queues[0].oldest = noon - 25h;
    REQUIRE(troubles(summary) == 1);
    const auto trouble = status::troubles_of(summary, {}).front();
    CHECK_THAT(trouble.what, Contains("outbox: one waits since 25 h"));
    CHECK(trouble.next == "look at it");
    summary.queues[0].longest_wait = 36h;
    CHECK(troubles(summary) == 0);
    summary.queues[0].failed = 1;
    CHECK(troubles(summary) == 1);
}

TEST_CASE("what blocks the road is critical and stands first")
{
    auto summary = well();
    summary.daemons[0].pid = 0;
    summary.set_aside["spool"] = 2;
    summary.troubles = status::troubles_of(summary, {});

    CHECK(summary.troubles.size() == 2);
    CHECK(status::exit_code_of(summary) == 2);
    summary.troubles.erase(summary.troubles.begin());
    CHECK(status::exit_code_of(summary) == 1);
}

TEST_CASE("however long the words, no line of the screen is wider than 80 columns")
{
    auto summary = well();
    summary.host = std::string(300, 'h');
    summary.failures = {{"Årsak " + std::string(500, 'x') + " øå", 1}};
    summary.troubles = {{status::Trouble::Severity::warning, std::string(200, 'y'), "æ æ æ"}};
    auto long_job = job(KnownRun::State::ended, 70, noon);
    long_job.job.name.project = std::string(90, 'P');
    summary.jobs = {long_job, long_job, long_job};

    for (const auto& line : status::as_lines(summary)) {
        CAPTURE(line);
        CHECK(line.size() <= 80 + 6); // a few letters take two bytes
    }
}

TEST_CASE("ages and sizes are written as people say them")
{
    CHECK(status::age_text(0s) == "0 s");
    CHECK(status::age_text(119s) == "119 s");
    CHECK(status::age_text(5min) == "5 min");
    CHECK(status::age_text(26h) == "26 h");
    CHECK(status::age_text(100h) == "4 d");
    CHECK(status::age_text(-5s) == "0 s");
    CHECK(status::bytes_text(0) == "0 B");
    CHECK(status::bytes_text(1'234'567) == "1.2 MB");
    CHECK(status::bytes_text(999'999'999) == "1.0 GB");
}

TEST_CASE("the top of a plot is a round number that holds all values")
{
    for (const double value : {0.0, 0.3, 1.0, 1.1, 2.0, 4.9, 5.1, 99.0, 100.0, 12345.0}) {
        CHECK(status::round_top(value) >= value);
        CHECK(status::round_top(value) <= std::max(1.0, value * 2.5));
    }
}

TEST_CASE("a request that succeeded after it had failed is no failure any more")
{
    const SortedSite site;
    const store::Requests requests{site.paths};
    const auto request = store::TransferRequest::parse(
        R"({"study_instance_uid": "1.2.3", "transfer_project_name": "DEMO",
            "transfer_name": "DEMO_001", "redcap_repeat_instance": 1})",
        "test");
    const store::RequestWorker worker{requests};
    requests.file(request);
    REQUIRE(worker.claim(request.file_name(), noon));
    worker.finish_failed(request.file_name(), json::Object{{"error", "study 1.2.840.1.5.6 leaks"}});
    const auto listed = status::queued_requests(site.paths);
    REQUIRE(listed.size() == 1);
    CHECK(listed[0].state == RequestState::failed);
    CHECK_THAT(listed[0].reason, !Contains("1.2.840.1.5.6"));

    requests.file(request);
    CHECK(status::queued_requests(site.paths).at(0).state == RequestState::waiting);
    REQUIRE(worker.claim(request.file_name(), noon));
    CHECK(status::queued_requests(site.paths).at(0).state == RequestState::in_work);
    worker.finish_done(request.file_name(), Clock::now() + 1min);

    CHECK(status::queued_requests(site.paths).empty());
}
