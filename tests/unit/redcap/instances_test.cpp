// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/redcap/batch.h"
#include "libfiona/redcap/incoming.h"
#include "libfiona/redcap/instances.h"
#include "libfiona/redcap/study_lock.h"
#include "tests/support/forked_child.h"
#include "tests/support/memory_redcap.h"
#include "tests/support/temp_dir.h"

#include <catch2/catch.hpp>

using namespace fiona;
using namespace fiona::redcap;
using namespace std::chrono_literals;
using Catch::Matchers::Contains;

namespace {

using Result = Incoming::Requested::Result;

const TimePoint now = Clock::from_time_t(1'704'190'000);
const StudyUid study{"1.2.826.0.1.3680043.2.1125.1"};

Transfer request(const std::string& participant, const std::string& project = "DEMO",
                 const StudyUid& uid = study)
{
    Transfer transfer{.study = uid};
    transfer.project = project;
    transfer.participant = participant;
    return transfer;
}

struct Fixture {
    TempDir directory;
    MemoryRedcap redcap{MemoryRedcap::incoming_fields(), {"series", "transfers"}};
    Incoming incoming{redcap, directory / "locks"};
    Outbox outbox{directory.path, Role::incoming};

    /// Leaves a planned request for DEMO_1, which has not reached REDCap.
    void kill_in_the_import()
    {
        {
            const ForkedChild killed{[&] {
                redcap.before_import = [](const auto&) { ::kill(::getpid(), SIGKILL); };
                static_cast<void>(incoming.ensure_transfer(request("DEMO_1"), now));
            }};
            ::siginfo_t ended{};
            REQUIRE(::waitid(P_PID, static_cast<id_t>(killed.pid()), &ended, WEXITED | WNOWAIT)
                    == 0);
        }
        REQUIRE(outbox.planned().size() == 1);
    }

    [[nodiscard]] std::size_t instances(const StudyUid& uid = study) const
    {
        return redcap.count_instances(uid.str(), "transfers");
    }
};

} // namespace

TEST_CASE_METHOD(Fixture, "a hundred requests cost three calls, and none the second time but one")
{
    std::vector<Transfer> wanted;
    for (int i = 1; i <= 100; ++i) {
        wanted.push_back(
            request(fmt::format("DEMO_{}", i), "DEMO", StudyUid{fmt::format("1.2.3.{}", i)}));
    }

    const auto outcomes = incoming.ensure_transfers(wanted, now, Mode::apply);
    CHECK(redcap.exports == 2);
    CHECK(redcap.imports == 1);
    const auto again = incoming.ensure_transfers(wanted, now, Mode::apply);

    CHECK(redcap.exports == 3);
    CHECK(redcap.imports == 1);
    for (std::size_t i = 0; i < wanted.size(); ++i) {
        CHECK(outcomes.at(i).result == Result::created);
        CHECK(again.at(i).result == Result::present);
        CHECK(outcomes.at(i).transfer.participant == wanted.at(i).participant);
    }
    CHECK(outbox.planned().empty());
}

TEST_CASE_METHOD(Fixture, "of requests that contradict each other only the first is made")
{
    const auto outcomes = incoming.ensure_transfers(
        {request("DEMO_1"), request("DEMO_2"), request("DEMO_1"), request("OTHER_1", "OTHER")}, now,
        Mode::apply);

    CHECK(outcomes.at(0).result == Result::created);
    CHECK(outcomes.at(1).result == Result::conflict);
    CHECK_THAT(outcomes.at(1).reason, Contains("another participant"));
    CHECK(outcomes.at(2).transfer.instance == outcomes.at(0).transfer.instance);
    CHECK(outcomes.at(3).result == Result::created);
    CHECK(instances() == 2);
}

TEST_CASE_METHOD(Fixture, "a request left by a killed run is completed by the next one, once")
{
    kill_in_the_import();
    REQUIRE(instances() == 0);

    CHECK(incoming.resume(now) == 1);
    CHECK(incoming.resume(now) == 0);

    CHECK(instances() == 1);
    CHECK(redcap.stored(study.str(), "transfers", 1, "transfer_name") == "DEMO_1");
    CHECK(outbox.planned().empty());
}

TEST_CASE_METHOD(Fixture, "a request that was taken back does not come again from the journal")
{
    kill_in_the_import();
    // As if the import had arrived before the process was killed.
    redcap.put({study.str(),
                {},
                "transfers",
                1,
                {{"transfer_project_name", "DEMO"}, {"transfer_name", "DEMO_1"}}});
    const auto there = incoming.transfers({study});
    REQUIRE(there.size() == 1);

    incoming.withdraw(there.front());

    CHECK(incoming.resume(now) == 0);
    CHECK(instances() == 0);
}

TEST_CASE_METHOD(Fixture, "a request whose answers are all lost is found, not written again")
{
    redcap.after_import = [&](const auto&) {
        redcap.before_export = [] { throw Error{Fault::temporary, "gone"}; };
        throw Error{Fault::temporary, "the answer is lost"};
    };
    CHECK_THROWS_AS(incoming.ensure_transfer(request("DEMO_1"), now), Error);
    REQUIRE(outbox.planned().size() == 1);
    redcap.after_import = {};
    redcap.before_export = {};
    const auto imports = redcap.imports;

    CHECK(incoming.resume(now) == 1);

    CHECK(redcap.imports == imports);
    CHECK(instances() == 1);
}

TEST_CASE_METHOD(Fixture, "a planned request that has come into conflict since is dropped")
{
    redcap.before_import = [](const auto&) { throw Error{Fault::temporary, "down"}; };
    CHECK_THROWS_AS(incoming.ensure_transfer(request("DEMO_1"), now), Error);
    redcap.before_import = {};
    redcap.put({study.str(),
                {},
                "transfers",
                1,
                {{"transfer_project_name", "DEMO"}, {"transfer_name", "DEMO_2"}}});

    CHECK(incoming.resume(now) == 0);

    CHECK(outbox.planned().empty());
    CHECK(instances() == 1);
}

TEST_CASE_METHOD(Fixture, "a request that a living process is at is left to it")
{
    redcap.before_import = [](const auto&) { throw Error{Fault::temporary, "down"}; };
    CHECK_THROWS_AS(incoming.ensure_transfer(request("DEMO_1"), now), Error);
    redcap.before_import = {};
    const StudyLocks living{directory / "locks", {study}};

    CHECK(incoming.resume(now) == 0);

    CHECK(outbox.planned().size() == 1);
    CHECK(instances() == 0);
}

TEST_CASE_METHOD(Fixture, "what is done leaves no participant in the journal")
{
    static_cast<void>(incoming.ensure_transfer(request("SECRET_PSEUDONYM"), now));

    std::string bytes;
    for (const auto& entry : std::filesystem::directory_iterator{directory.path}) {
        if (entry.is_regular_file() && entry.path().extension() == ".sqlite") {
            bytes += read_file(entry.path());
        }
    }
    Database database{directory / "redcap-outbox.sqlite", Database::Open::existing};
    Query query{database, "SELECT payload, state FROM outbox"};
    REQUIRE(query.next());
    CHECK(query.text(0).empty());
    CHECK(query.text(1) == "done");
    CHECK_THAT(bytes, !Contains("SECRET_PSEUDONYM"));
}

TEST_CASE_METHOD(Fixture, "one bad record does not stop the others, and rests for an hour")
{
    std::vector<Row> rows;
    for (int i = 1; i <= 20; ++i) {
        rows.push_back({fmt::format("1.2.3.{}", i),
                        {},
                        "series",
                        1,
                        {{"series_num_files", i == 7 ? "many" : "10"}}});
    }

    const auto refused = import_each(redcap, rows, Overwrite::normal, outbox, now);
    REQUIRE(refused.size() == 1);
    CHECK(refused.front().record == "1.2.3.7");
    for (int i = 1; i <= 20; ++i) {
        CHECK(redcap.count_instances(fmt::format("1.2.3.{}", i), "series") == (i == 7 ? 0 : 1));
    }

    const auto imports = redcap.imports;
    const std::vector<Row> bad{rows.at(6)};
    CHECK(import_each(redcap, bad, Overwrite::normal, outbox, now + 59min).size() == 1);
    CHECK(redcap.imports == imports); // not sent again
    CHECK(import_each(redcap, bad, Overwrite::normal, outbox, now + 61min).size() == 1);
    CHECK(redcap.imports == imports + 1);
    auto mended = bad;
    mended.front().values["series_num_files"] = "12";
    CHECK(import_each(redcap, mended, Overwrite::normal, outbox, now + 61min).empty());
    CHECK(redcap.stored("1.2.3.7", "series", 1, "series_num_files") == "12");
}
