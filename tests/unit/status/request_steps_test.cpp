// SPDX-License-Identifier: MIT
#include "libfiona/status/request_steps.h"
#include "libfiona/store/atomic_file.h"
#include "libfiona/store/requests.h"
#include "tests/support/sorted_site.h"

#include <catch2/catch.hpp>

using namespace fiona;
using Catch::Matchers::Contains;
using status::Step;

namespace {

store::TransferRequest request()
{
    return store::TransferRequest::parse(
        R"({"study_instance_uid": "1.2.3", "transfer_project_name": "DEMO",
            "transfer_name": "DEMO_001", "redcap_repeat_instance": 1,
            "redcap_repeat_instrument": "transfers",
            "transfer_requested_date": "2026-03-01 10:00"})",
        "test");
}

/// The one step there is.
Step only_step(const SortedSite& site)
{
    const auto steps = status::request_steps(site.paths, StudyUid{"1.2.3"}, 0);
    REQUIRE(steps.size() == 1);
    return steps[0];
}

} // namespace

TEST_CASE("a request is followed through every state of its road")
{
    const SortedSite site;
    const store::Requests requests{site.paths};
    const auto name = request().file_name();
    const auto now = Clock::now();
    CHECK(status::request_steps(site.paths, StudyUid{"1.2.3"}, 0).empty());

    REQUIRE(requests.file(request()));
    CHECK(only_step(site).state == Step::State::waiting);
    CHECK_THAT(only_step(site).detail, Contains("waits"));

    const store::RequestWorker worker{requests};
    REQUIRE(worker.claim(name, now));
    CHECK(only_step(site).state == Step::State::active);
    CHECK_THAT(only_step(site).detail, Contains("in work"));

    SECTION("postponed")
    {
        worker.postpone(name, "association refused", now);
        CHECK(only_step(site).state == Step::State::waiting);
        CHECK_THAT(only_step(site).detail,
                   Contains("after 1 attempt") && Contains("association refused"));
        CHECK_THAT(only_step(site).next, Contains(local_minute(now).substr(0, 10)));
    }
    SECTION("sent, not yet reported")
    {
        worker.note_result(name, json::Object{});
        CHECK_THAT(only_step(site).detail, Contains("not yet told"));
    }
    SECTION("done")
    {
        worker.note_result(name, json::Object{});
        worker.finish_done(name, now);
        CHECK(only_step(site).state == Step::State::done);
    }
    SECTION("given up")
    {
        worker.finish_failed(name, json::Object{{"reason", "series 1.2.3.1: leak"}});
        CHECK(only_step(site).state == Step::State::blocked);
        CHECK_THAT(only_step(site).detail, Contains("leak"));
        CHECK_THAT(only_step(site).next, !Contains("#")); // a shell takes it for a comment
    }
}

TEST_CASE("a note of a request whose numbers are out of this world is read like any other")
{
    const SortedSite site;
    REQUIRE(store::Requests{site.paths}.file(request()));
    store::write_file(site.paths.requests() / (request().file_name() + ".state.json"),
                      R"({"attempts": 9223372036854775807, "next_try": 9223372036854775807})");

    CHECK_THAT(only_step(site).next, Contains("2255-"));
}

TEST_CASE("requests of another study or instance are not confused")
{
    const SortedSite site;
    REQUIRE(store::Requests{site.paths}.file(request()));

    CHECK(status::request_steps(site.paths, StudyUid{"1.2"}, 0).empty());
    CHECK(status::request_steps(site.paths, StudyUid{"1.2.3"}, 2).empty());
    CHECK(status::request_steps(site.paths, StudyUid{"1.2.3"}, 1).size() == 1);
}
