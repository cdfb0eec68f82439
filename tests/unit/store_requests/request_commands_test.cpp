// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/store/atomic_file.h"
#include "libfiona/store/requests.h"
#include "libfiona/store/sent_images.h"
#include "tests/support/forked_child.h"
#include "tests/unit/store_requests/sample.h"

#include <catch2/catch.hpp>

using namespace fiona;
using namespace fiona::store;
using Catch::Matchers::Contains;
using Change = Requests::Change;
namespace fs = std::filesystem;

namespace {

struct CommandSite : SampleSite {
    CommandSite() : requests{paths} { REQUIRE(requests.file(sample_request())); }

    [[nodiscard]] std::string messages() const
    {
        return read_file(paths.failed() / (name + "_fail_messages.log"));
    }
    /// In how many of the places of the state table it is.
    [[nodiscard]] std::size_t places() const
    {
        std::size_t count = requests.in_work().size();
        for (const auto& place : {paths.requests(), paths.held()}) {
            count += fs::exists(place / name) ? 1U : 0U;
        }
        return count + (fs::exists(paths.failed() / (name + "_fail.log")) ? 1U : 0U);
    }

    Requests requests;
    std::string name = sample_request().file_name();
    TimePoint now = Clock::now();
};

Fault fault_of(const std::function<void()>& step)
{
    try {
        step();
    } catch (const Error& e) {
        return e.fault();
    }
    FAIL("it did not throw");
    return Fault::internal;
}

} // namespace

TEST_CASE("a held request is claimed by no worker, filed by nobody, and still pending")
{
    const CommandSite site;

    CHECK(site.requests.hold(site.name, Mode::apply) == Change::made);
    CHECK(site.requests.hold(site.name, Mode::apply) == Change::was_so);

    const RequestWorker worker{site.requests};
    CHECK(worker.adopt().empty());
    CHECK_FALSE(worker.claim(site.name, site.now));
    CHECK_FALSE(site.requests.file(sample_request()));
    CHECK(site.requests.is_pending(site.name));
    CHECK(site.requests.waiting().empty());
    CHECK(site.requests.held() == std::vector{site.name});
}

TEST_CASE("a released request waits as it did, with the attempts it had")
{
    const CommandSite site;
    {
        const RequestWorker worker{site.requests};
        REQUIRE(worker.claim(site.name, site.now));
        worker.postpone(site.name, "association refused", site.now);
    }
    site.requests.hold(site.name, Mode::apply);
    static_cast<void>(RequestWorker{site.requests}.adopt()); // removes notes without a request

    CHECK(site.requests.release(site.name, Mode::apply) == Change::made);
    CHECK(site.requests.release(site.name, Mode::apply) == Change::was_so);

    CHECK(site.requests.waiting() == std::vector{site.name});
    CHECK(site.requests.state(site.name)->attempts == 1);
    CHECK(site.requests.try_now(site.name, Mode::apply) == Change::made);
    CHECK_FALSE(site.requests.state(site.name));
    CHECK(site.requests.try_now(site.name, Mode::apply) == Change::was_so);
}

TEST_CASE("a held request can be taken back as one that waits")
{
    const CommandSite site;
    site.requests.hold(site.name, Mode::apply);

    CHECK(site.requests.withdraw(site.name));

    CHECK_FALSE(site.requests.is_pending(site.name));
    CHECK(site.places() == 0);
}

TEST_CASE("a dropped request is set aside with the reason, and nothing files it again by itself")
{
    const CommandSite site;
    if (GENERATE(false, true)) {
        site.requests.hold(site.name, Mode::apply);
    }

    CHECK(site.requests.drop(site.name, "dropped by an operator", site.now, Mode::apply)
          == Change::made);
    CHECK(site.requests.drop(site.name, "again", site.now, Mode::apply) == Change::was_so);

    CHECK_FALSE(site.requests.is_pending(site.name));
    CHECK(site.requests.failed_at(site.name));
    CHECK(json::parse(site.messages(), "m").text("error") == "dropped by an operator");
    CHECK(site.places() == 1);
    CHECK(TransferRequest::parse(read_file(site.paths.failed() / (site.name + "_fail.log")), "r")
              .content
          == sample_request().content);
}

TEST_CASE("one that had failed keeps its reason when it is dropped")
{
    const CommandSite site;
    {
        const RequestWorker worker{site.requests};
        REQUIRE(worker.claim(site.name, site.now));
        worker.finish_failed(site.name, json::Object{{"error", "a leak"}});
    }

    CHECK(site.requests.drop(site.name, "dropped by an operator", site.now, Mode::apply)
          == Change::made);

    CHECK_THAT(site.messages(), Contains("a leak") && Contains("\"dropped\""));
    CHECK(fault_of([&] { site.requests.hold(site.name, Mode::apply); }) == Fault::missing);
}

TEST_CASE("what is being sent, or only has to be reported, is neither held nor dropped")
{
    const CommandSite site;
    const RequestWorker worker{site.requests};
    REQUIRE(worker.claim(site.name, site.now));
    if (GENERATE(false, true)) {
        worker.note_result(site.name, json::Object{});
        worker.postpone(site.name, "REDCap is down", site.now);
    }

    CHECK(fault_of([&] { site.requests.hold(site.name, Mode::apply); }) == Fault::temporary);
    CHECK(fault_of([&] { site.requests.drop(site.name, "x", site.now, Mode::apply); })
          == Fault::temporary);
    CHECK(site.places() == 1);
}

TEST_CASE("a dry run of each command answers and moves nothing")
{
    const CommandSite site;

    CHECK(site.requests.hold(site.name, Mode::dry_run) == Change::made);
    CHECK(site.requests.drop(site.name, "x", site.now, Mode::dry_run) == Change::made);
    CHECK(site.requests.release(site.name, Mode::dry_run) == Change::was_so);
    CHECK(site.requests.waiting() == std::vector{site.name});
    CHECK(fault_of([&] { site.requests.hold("1.9_1_0.json", Mode::dry_run); }) == Fault::missing);
    CHECK(fault_of([&] { site.requests.try_now("1.9_1_0.json", Mode::dry_run); })
          == Fault::missing);
    CHECK_FALSE(fs::exists(site.paths.held()));
    CHECK_FALSE(fs::exists(site.paths.failed()));
}

TEST_CASE("killed at any moment of hold, release and drop, the request is in one place, and the "
          "next command goes on")
{
    for (int round = 0; round < 25; ++round) {
        const CommandSite site;
        const auto begin = std::chrono::steady_clock::now();
        ForkedChild child{[&] {
            for (;;) {
                site.requests.hold(site.name, Mode::apply);
                site.requests.release(site.name, Mode::apply);
            }
        }};
        while (std::chrono::steady_clock::now() - begin < std::chrono::microseconds{300 * round}) {
        }
        child.kill();

        REQUIRE(site.places() == 1);
        REQUIRE(site.requests.is_pending(site.name));
        ForkedChild dropping{
            [&] { site.requests.drop(site.name, "dropped", site.now, Mode::apply); }};
        while (std::chrono::steady_clock::now() - begin
               < std::chrono::microseconds{300 * round + 20 * round}) {
        }
        dropping.kill();
        REQUIRE(site.places() == 1);
        site.requests.drop(site.name, "dropped", site.now, Mode::apply);
        REQUIRE_FALSE(site.requests.is_pending(site.name));
        REQUIRE_THAT(site.messages(), Contains("dropped"));
    }
}

TEST_CASE("people and workers who reach for one request at once never make two of it")
{
    for (int round = 0; round < 8; ++round) {
        const CommandSite site;
        ForkedChild person{[&] {
            for (int i = 0; i < 50; ++i) {
                try {
                    site.requests.hold(site.name, Mode::apply);
                    site.requests.release(site.name, Mode::apply);
                } catch (const Error& e) {
                    if (e.fault() != Fault::temporary) {
                        throw;
                    }
                }
            }
        }};
        ForkedChild filer{[&] {
            for (int i = 0; i < 50; ++i) {
                site.requests.file(sample_request());
            }
        }};
        const RequestWorker worker{site.requests};
        for (int i = 0; i < 50; ++i) {
            if (worker.claim(site.name, TimePoint::max())) {
                worker.postpone(site.name, "not now", site.now);
            }
        }
        REQUIRE(person.wait() == 0);
        REQUIRE(filer.wait() == 0);
        REQUIRE(site.places() == 1);
    }
}

namespace {

/// What the research PACS has said of an image of the request.
void note_sent(const CommandSite& site, const std::string& lines)
{
    const auto journal = SentImages::journal_of(site.paths, sample_request());
    make_directories(journal.parent_path());
    write_file(journal, "request 00\n" + lines);
}

} // namespace

TEST_CASE("a request of which images are in the research PACS is neither taken back nor dropped")
{
    const CommandSite site;
    const bool is_held = GENERATE(false, true);
    if (is_held) {
        site.requests.hold(site.name, Mode::apply);
    }
    note_sent(site, SentImages::stored_line("2.25.1", "2.25.2", {}) + "\nfailed\n");
    const auto mode = GENERATE(Mode::dry_run, Mode::apply);

    const auto drop = [&] { site.requests.drop(site.name, "x", site.now, mode); };
    CHECK_THROWS_WITH(drop(), Contains("1 of its images are in the research PACS already")
                                  && Contains("queue release"));
    CHECK(fault_of(drop) == Fault::data);
    CHECK(fault_of([&] { static_cast<void>(site.requests.withdraw(site.name)); }) == Fault::data);
    CHECK(fault_of([&] { site.requests.hold(site.name, mode, Requests::Sent::refuse); })
          == Fault::data);

    CHECK(site.places() == 1);
    CHECK(site.requests.held().empty() == !is_held);
    CHECK(site.requests.hold(site.name, mode) == (is_held ? Change::was_so : Change::made));
}

TEST_CASE("what the PACS has lost again, has had before, or has never said holds no request back")
{
    const CommandSite site;
    const auto before = SentImage{.was_before = true};
    note_sent(site, GENERATE_COPY(std::string{"failed\n"},
                                  SentImages::stored_line("2.25.1", "2.25.2", before) + "\n",
                                  SentImages::stored_line("2.25.1", "2.25.2", {}) + "\n"
                                      + SentImages::lost_line("2.25.1", "2.25.2") + "\n",
                                  std::string{"stored 2.25.1 2.2"}));

    CHECK(site.requests.withdraw(site.name));
    CHECK(site.places() == 0);
}

TEST_CASE("a request whose report is still due is not taken back")
{
    const CommandSite site;
    {
        const RequestWorker worker{site.requests};
        REQUIRE(worker.claim(site.name, site.now));
        worker.note_result(site.name, json::Object{});
        worker.postpone(site.name, "REDCap is down", site.now);
    }

    CHECK(fault_of([&] { static_cast<void>(site.requests.withdraw(site.name)); })
          == Fault::temporary);
    CHECK(site.places() == 1);
}

TEST_CASE("a request that was never filed can be left as one that was dropped")
{
    const CommandSite site;
    REQUIRE(site.requests.withdraw(site.name));

    site.requests.note_dropped(sample_request(), "taken back", site.now);
    site.requests.note_dropped(sample_request(), "taken back", site.now);

    CHECK(site.places() == 1);
    CHECK_THAT(site.messages(), Contains("taken back") && Contains("\"dropped\""));
    CHECK(site.requests.drop(site.name, "x", site.now, Mode::apply) == Change::was_so);
}

TEST_CASE("what was given up by a clock that was ahead was given up now")
{
    const CommandSite site;
    site.requests.drop(site.name, "x", site.now, Mode::apply);
    const auto messages = site.paths.failed() / (site.name + "_fail_messages.log");
    fs::last_write_time(messages, fs::file_time_type::clock::now() + std::chrono::hours{9000});
    REQUIRE(site.requests.failed_at(site.name) > site.now + std::chrono::hours{8000});

    site.requests.correct_failed_at(site.name, site.now);

    CHECK(site.requests.failed_at(site.name) <= site.now);
    CHECK(site.requests.failed_at(site.name) > site.now - std::chrono::seconds{2});
    const auto before = site.requests.failed_at(site.name);
    site.requests.correct_failed_at(site.name, site.now + std::chrono::hours{1});
    CHECK(site.requests.failed_at(site.name) == before);
    site.requests.correct_failed_at("1.9_1_0.json", site.now);
}
