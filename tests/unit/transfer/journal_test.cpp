// SPDX-License-Identifier: MIT
#include "libfiona/transfer/journal.h"
#include "tests/support/transfer_site.h"

#include <catch2/catch.hpp>

#include <chrono>
#include <fstream>

using namespace fiona;
using transfer::Journal;

namespace {

store::TransferRequest request(const std::string& requested = "2024-01-02 10:30")
{
    return store::TransferRequest::parse(
        json::write(json::Object{{"redcap_repeat_instance", 1},
                                 {"redcap_repeat_instrument", "transfers"},
                                 {"study_instance_uid", "1.2.3.4.5"},
                                 {"transfer_name", "DEMO_0001"},
                                 {"transfer_project_name", "DEMO"},
                                 {"transfer_requested_date", requested}}),
        "a request");
}

std::filesystem::path file_of(const TransferSite& site)
{
    return site.paths().state() / "transfers" / (request().file_name() + ".sent");
}

} // namespace

TEST_CASE("what was noted is known to the next worker, a killed one included")
{
    const TransferSite site;
    {
        Journal journal{site.paths(), request(), Clock::now()};
        journal.note_stored("2.25.1", "2.25.2");
        journal.note_failure();
        journal.note_stored("2.25.1", "2.25.3");
    }

    const Journal journal{site.paths(), request(), Clock::now()};

    CHECK(journal.is_stored("2.25.1", "2.25.2"));
    CHECK(journal.is_stored("2.25.1", "2.25.3"));
    CHECK_FALSE(journal.is_stored("2.25.9", "2.25.3"));
    CHECK(journal.failures() == 1);
}

TEST_CASE("a line that a crash cut short does not count")
{
    const TransferSite site;
    Journal{site.paths(), request(), Clock::now()}.note_stored("2.25.1", "2.25.2");
    std::ofstream{file_of(site), std::ios::app} << "stored 2.25.1 2.25.3";

    const Journal journal{site.paths(), request(), Clock::now()};

    CHECK(journal.is_stored("2.25.1", "2.25.2"));
    CHECK_FALSE(journal.is_stored("2.25.1", "2.25.3"));
}

TEST_CASE("a line written behind one that was cut short is read")
{
    const TransferSite site;
    Journal{site.paths(), request(), Clock::now()}.note_stored("2.25.1", "2.25.2");
    std::ofstream{file_of(site), std::ios::app} << "stored 2.25.1 2.2";
    Journal{site.paths(), request(), Clock::now()}.note_stored("2.25.1", "2.25.3");

    const Journal journal{site.paths(), request(), Clock::now()};

    CHECK(journal.is_stored("2.25.1", "2.25.2"));
    CHECK(journal.is_stored("2.25.1", "2.25.3"));
}

TEST_CASE("a request that was made again, or a journal of yesterday, starts from nothing")
{
    const TransferSite site;
    Journal{site.paths(), request(), Clock::now()}.note_stored("2.25.1", "2.25.2");

    CHECK_FALSE(Journal{site.paths(), request("2024-01-03 11:00"), Clock::now()}.is_stored(
        "2.25.1", "2.25.2"));
    CHECK_FALSE(Journal{site.paths(), request(), Clock::now() + std::chrono::hours{25}}.is_stored(
        "2.25.1", "2.25.2"));

    Journal::finish(site.paths(), request());
    Journal::finish(site.paths(), request());
    CHECK_FALSE(Journal{site.paths(), request(), Clock::now()}.is_stored("2.25.1", "2.25.2"));
}

TEST_CASE("what a finished transfer has left is remembered with its bytes, for 90 days")
{
    const TransferSite site;
    const std::string digest(64, 'a');
    Journal journal{site.paths(), request(), Clock::now()};
    journal.note_stored("2.25.1", "2.25.2", {"B000", true, true, digest});
    journal.note_stored("2.25.1", "2.25.3", {"0000", false, false, digest});
    journal.note_lost("2.25.1", "2.25.3");
    CHECK(Journal::finished(site.paths(), request()).stored("2.25.1", "2.25.2") == nullptr);
    Journal::finish(site.paths(), request());

    const auto finished = Journal::finished(site.paths(), request("2025-01-02 10:30"));

    const auto* const stored = finished.stored("2.25.1", "2.25.2", digest);
    REQUIRE(stored != nullptr);
    CHECK(stored->status == "B000");
    CHECK(stored->was_decoded);
    CHECK(stored->was_before);
    CHECK(finished.stored("2.25.1", "2.25.2", std::string(64, 'b')) == nullptr);
    CHECK_FALSE(finished.is_stored("2.25.1", "2.25.3")); // the PACS has lost it
    Journal::sweep(site.paths(), Clock::now() + std::chrono::hours{89 * 24});
    CHECK(Journal::finished(site.paths(), request()).is_stored("2.25.1", "2.25.2"));
    Journal::sweep(site.paths(), Clock::now() + std::chrono::hours{91 * 24});
    CHECK_FALSE(Journal::finished(site.paths(), request()).is_stored("2.25.1", "2.25.2"));
}

TEST_CASE("who takes a request back sees what has been sent of it, however long ago")
{
    const TransferSite site;
    const auto count = [&] { return store::SentImages::read(file_of(site)).count_new(); };
    CHECK(count() == 0);
    {
        Journal journal{site.paths(), request(), Clock::now()};
        journal.note_failure();
        CHECK(count() == 0);
        journal.note_stored("2.25.1", "2.25.2",
                            {.status = "B000", .was_decoded = true, .sha256 = {}});
        journal.note_stored("2.25.1", "2.25.3");
        journal.note_stored("2.25.1", "2.25.4", {.was_before = true, .sha256 = {}});
        journal.note_lost("2.25.1", "2.25.3");
        journal.note_asked({"2.25.5", Clock::now()});
    }
    CHECK(count() == 1);
    std::filesystem::last_write_time(file_of(site), std::filesystem::file_time_type::clock::now()
                                                        - std::chrono::hours{100});
    CHECK(count() == 1);
    Journal::finish(site.paths(), request());
    CHECK(count() == 0);
}

TEST_CASE("what a try that is given up has sent is still seen after sending has begun anew")
{
    const TransferSite site;
    const auto count = [&] { return store::SentImages::read(file_of(site)).count_new(); };
    {
        Journal journal{site.paths(), request(), Clock::now()};
        journal.note_stored("2.25.1", "2.25.2");
        journal.note_stored("2.25.1", "2.25.3");
        journal.note_stored("2.25.1", "2.25.4", {.was_before = true, .sha256 = {}});
    }
    const bool is_old = GENERATE(true, false);
    const auto asked = is_old ? request() : request("2024-01-03 11:00");
    const auto now = Clock::now() + std::chrono::hours{is_old ? 25 : 0};

    Journal{site.paths(), asked, now}.note_failure();

    CHECK(count() == 2);
    {
        Journal journal{site.paths(), asked, Clock::now()};
        CHECK(journal.failures() == 1);
        CHECK_FALSE(journal.is_stored("2.25.1", "2.25.2")); // to be sent again
        journal.note_stored("2.25.1", "2.25.2");
        CHECK(count() == 2);
        journal.note_lost("2.25.1", "2.25.2");
        journal.note_lost("2.25.1", "2.25.3");
        CHECK(count() == 0);
    }
    Journal{site.paths(), request("2024-01-04 12:00"), Clock::now()}.note_failure();
    CHECK(count() == 0);
}

TEST_CASE("images of tries given up are kept over any number of them")
{
    const TransferSite site;
    Journal{site.paths(), request(), Clock::now()}.note_stored("2.25.1", "2.25.2");

    for (const auto* const asked : {"2024-01-03 11:00", "2024-01-04 11:00"}) {
        Journal{site.paths(), request(asked), Clock::now()}.note_failure();
    }

    CHECK(store::SentImages::read(file_of(site)).count_new() == 1);
    Journal::finish(site.paths(), request());
    CHECK_FALSE(Journal::finished(site.paths(), request()).is_stored("2.25.1", "2.25.2"));
}
