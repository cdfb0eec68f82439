// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/base/log.h"
#include "libfiona/routing/request_again.h"
#include "libfiona/routing/transfer_requests.h"
#include "tests/support/memory_redcap.h"
#include "tests/support/site.h"

#include <catch2/catch.hpp>

using namespace fiona;
using namespace fiona::routing;
using Catch::Matchers::Contains;
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

namespace {

const StudyUid study{"1.2.826.0.1.3680043.2.1125.7"};
const SeriesUid series{"1.2.826.0.1.3680043.2.1125.7.1"};
constexpr seconds settle{60};
const TimePoint noon = *parse_local_minute("2024-01-02 12:00");

redcap::Transfer row(const std::string& requested, const std::string& transferred)
{
    redcap::Transfer transfer{.study = study, .instance = 1};
    transfer.project = "DEMO";
    transfer.participant = "DEMO_0001";
    transfer.requested = requested;
    transfer.transferred = transferred;
    return transfer;
}

StudyFacts on_disk(TimePoint newest)
{
    return {.on_disk = true, .newest = newest, .failed_at = {}, .seen = {}};
}

Decision decide_at(const redcap::Transfer& transfer, const StudyFacts& state, TimePoint now)
{
    return decide(transfer, state, now, settle);
}

struct Fixture {
    FilingReport run(Mode mode = Mode::apply)
    {
        return file_transfer_requests(redcap, config, Clock::now(), mode);
    }

    void request(const StudyUid& uid, const std::string& participant, const std::string& sent = {},
                 unsigned instance = 1)
    {
        redcap.put({uid.str(),
                    {},
                    "transfers",
                    instance,
                    {{"transfer_project_name", "DEMO"},
                     {"transfer_name", participant},
                     {"transfer_requested_date", "2024-01-02 10:30"},
                     {"transfer_date", sent}}});
    }

    Site site;
    Config config = site.config();
    MemoryRedcap redcap{MemoryRedcap::incoming_fields(), {"series", "transfers"}};
    store::Requests requests{config.paths};
};

} // namespace

TEST_CASE("a study that was never sent is sent")
{
    CHECK(decide_at(row("2024-01-02 11:00", ""), on_disk(noon), noon) == Decision::first);
}

TEST_CASE("a row that nobody completed is left alone")
{
    auto incomplete = row("", "");
    incomplete.participant = "";
    CHECK(decide_at(incomplete, on_disk(noon), noon) == Decision::incomplete);
}

TEST_CASE("images of the minute of the transfer count as sent, later ones do not")
{
    const auto sent = row("2024-01-02 11:00", "2024-01-02 12:00");
    const auto later = noon + hours{1};

    CHECK(decide_at(sent, on_disk(noon - hours{1}), later) == Decision::sent);
    CHECK(decide_at(sent, on_disk(noon + seconds{59}), later) == Decision::sent);
    CHECK(decide_at(sent, on_disk(noon + seconds{60}), later) == Decision::new_images);
}

TEST_CASE("what the last transfer has seen decides to the instant, not to the minute")
{
    const auto sent = row("2024-01-02 11:00", "2024-01-02 12:00");
    const auto later = noon + hours{1};
    auto state = on_disk(noon + seconds{10});

    state.seen = noon + seconds{10};
    CHECK(decide_at(sent, state, later) == Decision::sent);
    state.seen = noon + seconds{9};
    CHECK(decide_at(sent, state, later) == Decision::new_images);
}

TEST_CASE("a study that is arriving is not resent before it has settled")
{
    const auto sent = row("2024-01-02 11:00", "2024-01-02 12:00");
    const auto arrived = noon + minutes{10};

    CHECK(decide_at(sent, on_disk(arrived), arrived + seconds{59}) == Decision::arriving);
    CHECK(decide_at(sent, on_disk(arrived), arrived + seconds{60}) == Decision::new_images);
}

TEST_CASE("a person who asks again is obeyed at once")
{
    const auto again = row("2024-01-02 12:01", "2024-01-02 12:00");

    CHECK(decide_at(again, on_disk(noon - hours{1}), noon + minutes{1})
          == Decision::requested_again);
    CHECK(decide_at(row("2024-01-02 12:00", "2024-01-02 12:00"), on_disk(noon - hours{1}), noon)
          == Decision::sent);
}

TEST_CASE("a request dated in the future sends nothing again and again until then")
{
    const auto early = row("2024-01-02 12:01", "2024-01-02 12:00"); // resent in the same minute
    CHECK(decide_at(early, on_disk(noon - hours{1}), noon + seconds{59}) == Decision::sent);
    CHECK(decide_at(early, on_disk(noon - hours{1}), noon + seconds{60})
          == Decision::requested_again);

    const auto mistyped = row("2042-01-02 12:00", "2024-01-02 12:00");
    CHECK(decide_at(mistyped, on_disk(noon - hours{1}), noon + hours{1}) == Decision::sent);
    CHECK(decide_at(row("2042-01-02 12:00", ""), on_disk(noon), noon) == Decision::first);
    auto failed = on_disk(noon - hours{1});
    failed.failed_at = noon;
    CHECK(decide_at(row("2042-01-02 12:00", ""), failed, noon + hours{1}) == Decision::failed);
}

TEST_CASE("a series JSON from the future keeps no study waiting for it")
{
    const auto sent = row("2024-01-02 11:00", "2024-01-02 12:00");

    CHECK(decide_at(sent, on_disk(noon + hours{24}), noon + hours{1}) == Decision::new_images);
}

TEST_CASE("what is not on disk cannot be sent, and need not be if it was")
{
    CHECK(decide_at(row("2024-01-02 11:00", ""), {}, noon) == Decision::source_missing);
    CHECK(decide_at(row("2024-01-02 12:05", "2024-01-02 12:00"), {}, noon + minutes{5})
          == Decision::source_missing);
    CHECK(decide_at(row("2024-01-02 11:00", "2024-01-02 12:00"), {}, noon) == Decision::sent);
}

TEST_CASE("what was given up stays so until the study or the request changes")
{
    auto state = on_disk(noon - hours{1});
    state.failed_at = noon;

    CHECK(decide_at(row("2024-01-02 11:00", ""), state, noon) == Decision::failed);
    CHECK(decide_at(row("2024-01-02 12:05", ""), state, noon + minutes{5}) == Decision::first);
    state.newest = noon + minutes{5};
    CHECK(decide_at(row("2024-01-02 11:00", ""), state, noon) == Decision::first);
    CHECK(decide_at(row("2024-01-02 10:00", "2024-01-02 11:00"), state, noon + hours{1})
          == Decision::new_images);
}

TEST_CASE("a date in another form is an error, not the epoch")
{
    CHECK_THROWS_AS(decide_at(row("", "02/01/2024"), on_disk(noon), noon), Error);
    CHECK_THROWS_AS(decide_at(row("2024-01-02 12:00:01", ""), on_disk(noon), noon), Error);
}

TEST_CASE_METHOD(Fixture, "a transfer becomes a request file once")
{
    site.put_series(study, series);
    request(study, "DEMO_0001");

    const auto filed = run();
    const auto second = run();

    REQUIRE(filed.filed.size() == 1);
    CHECK(filed.filed[0].reason == Decision::first);
    CHECK(second.filed.empty());
    CHECK(second.pending == 1);
    REQUIRE(requests.waiting().size() == 1);
    const store::RequestWorker worker{requests};
    const auto name = requests.waiting()[0];
    REQUIRE(worker.claim(name, Clock::now()));
    const auto read = worker.read(name);
    CHECK(read.participant.str() == "DEMO_0001");
    CHECK(read.requested == "2024-01-02 10:30");
    CHECK(!read.event);
    CHECK(redcap.imports == 0);
}

TEST_CASE_METHOD(Fixture, "a request in work is not filed again")
{
    site.put_series(study, series);
    request(study, "DEMO_0001");
    static_cast<void>(run());
    const store::RequestWorker worker{requests};
    REQUIRE(worker.claim(requests.waiting().at(0), Clock::now()));

    CHECK(run().pending == 1);
    CHECK(requests.waiting().empty());
}

TEST_CASE_METHOD(Fixture, "a request finished while REDCap was being read is not filed again")
{
    site.put_series(study, series);
    request(study, "DEMO_0001");
    static_cast<void>(run());
    const auto name = requests.waiting().at(0);
    redcap.before_export = [&] { // the sender is done just before REDCap answers with the old row
        const store::RequestWorker worker{requests};
        REQUIRE(worker.claim(name, Clock::now()));
        worker.finish_done(name, Clock::now());
    };

    CHECK(run().filed.empty());
    CHECK(requests.waiting().empty());
}

TEST_CASE_METHOD(Fixture, "a failed request is filed again when a new image has come")
{
    site.put_series(study, series);
    request(study, "DEMO_0001");
    static_cast<void>(run());
    {
        const store::RequestWorker worker{requests};
        const auto name = requests.waiting().at(0);
        REQUIRE(worker.claim(name, Clock::now()));
        worker.finish_failed(name, json::Object{{"reason", "x"}});
    }
    CHECK(run().failed == 1);
    CHECK(requests.waiting().empty());

    site.put_series(study, series, seconds{-1});
    CHECK(run().filed.size() == 1);
}

TEST_CASE_METHOD(Fixture, "a missing study is reported once and not requested each minute")
{
    unsigned warnings = 0;
    log::set_sink([&](log::Level, const std::string& line) {
        warnings += line.find("event=source_missing") != std::string::npos ? 1U : 0U;
    });
    request(study, "DEMO_0001");

    CHECK(run().source_missing == 1);
    CHECK(run().source_missing == 1);

    log::set_sink({});
    CHECK(warnings == 1);
    CHECK(requests.waiting().empty());
    site.put_series(study, series);
    CHECK(run().filed.size() == 1);
}

TEST_CASE_METHOD(Fixture,
                 "a row that cannot be used does not stop the others, nor appear in the log")
{
    std::string lines;
    log::set_sink([&](log::Level, const std::string& line) { lines += line; });
    site.put_series(study, series);
    request(study, "../DOE JANE");
    request(study, "DEMO_0001", "", 2);
    request(study, "DEMO_0002", "yesterday", 3);

    const auto report = run();

    log::set_sink({});
    CHECK(report.refused == 2);
    CHECK(report.filed.size() == 1);
    CHECK_THAT(lines,
               Contains("event=transfer_refused") && !Contains("DOE") && !Contains("DEMO_0"));
}

TEST_CASE_METHOD(Fixture, "an old transfer with an odd participant, sent long ago, is no error")
{
    site.put_series(study, series);
    request(study, "old name", local_minute(Clock::now() + minutes{1}));

    const auto report = run();

    CHECK(report.sent == 1);
    CHECK(report.refused == 0);
}

TEST_CASE_METHOD(Fixture, "a REDCap that does not answer files nothing")
{
    site.put_series(study, series);
    request(study, "DEMO_0001");
    redcap.before_export = [] { throw Error{Fault::unreachable, "down"}; };

    CHECK_THROWS_AS(run(), Error);
    CHECK(requests.waiting().empty());
}

TEST_CASE_METHOD(Fixture, "a dry run of filing lists and leaves no trace")
{
    site.put_series(study, series);
    request(study, "DEMO_0001");

    CHECK(run(Mode::dry_run).filed.size() == 1);
    CHECK(!std::filesystem::exists(config.paths.processing));
}

TEST_CASE_METHOD(Fixture, "what was given up while the clock was ahead can be asked for again")
{
    site.put_series(study, series);
    request(study, "DEMO_0001");
    const auto name = run().filed.at(0).request.file_name();
    const auto now = Clock::now();
    requests.drop(name, "dropped", now, Mode::apply);
    const auto ahead = std::filesystem::file_time_type::clock::now() + hours{9000};
    std::filesystem::last_write_time(config.paths.failed() / (name + "_fail_messages.log"), ahead);
    if (GENERATE(false, true)) { // asked for then, too
        redcap.put({study.str(),
                    {},
                    "transfers",
                    1,
                    {{"transfer_requested_date", local_minute(now + hours{9001})}}});
    }
    REQUIRE(run().failed == 1); // by itself it is not sent

    const auto ask = [&](Mode mode) {
        return request_again(redcap, config.paths,
                             redcap::Incoming{redcap, config.paths.state() / "locks"}.transfers(),
                             now, mode)
            .at(0);
    };
    using Result = redcap::Incoming::Requested::Result;
    CHECK(ask(Mode::dry_run).result == Result::created);
    CHECK(requests.failed_at(name) > now + hours{8000});
    const auto asked = ask(Mode::apply);

    CHECK(asked.result == Result::created);
    const auto failed = requests.failed_at(name);
    REQUIRE(failed);
    CHECK(*failed <= now);
    CHECK(decide(asked.transfer,
                 {.on_disk = true, .newest = *failed - hours{1}, .failed_at = failed, .seen = {}},
                 now + minutes{1}, settle)
          == Decision::first);
    CHECK(ask(Mode::apply).result == Result::present);
}
