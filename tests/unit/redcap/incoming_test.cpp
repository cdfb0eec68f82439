// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/redcap/incoming.h"
#include "tests/support/memory_redcap.h"
#include "tests/support/temp_dir.h"

#include <catch2/catch.hpp>

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <set>

using namespace fiona;
using namespace fiona::redcap;
using Catch::Matchers::Contains;

namespace {

const StudyUid study{"1.2.826.0.1.3680043.2.1125.1"};
const TimePoint now = Clock::from_time_t(1'704'190'000);

SeriesRecord series(int number, const std::string& files = "10")
{
    return {SeriesUid{fmt::format("1.2.826.0.1.3680043.2.1125.1.{}", number)},
            "t1",
            "20240102",
            "101500",
            "*fl3d1",
            files,
            R"(["T1"])"};
}

StudyRecord record(std::vector<SeriesRecord> all, const StudyUid& uid = study)
{
    return {uid,  "MR BRAIN", "20240102", "100000", "Example Hospital", "aa",
            "bb", "MODALITY", "FIONA",    "ACC1",   "2024-01-02 10:30", std::move(all)};
}

Transfer wanted(const std::string& participant = "DEMO_0001", const std::string& event = "baseline")
{
    Transfer transfer{.study = study};
    transfer.project = "DEMO";
    transfer.participant = participant;
    transfer.event = event;
    return transfer;
}

Error lost()
{
    return Error{Fault::unreachable, "the answer is lost"};
}

struct Fixture {
    TempDir directory;
    MemoryRedcap redcap{MemoryRedcap::incoming_fields(), {"series", "transfers"}};
    Incoming incoming{redcap, directory / "locks"};
};

} // namespace

TEST_CASE_METHOD(Fixture, "a new study gets its row and an instance for each series")
{
    CHECK(incoming.record(record({series(1), series(2)})) == 2);

    CHECK(redcap.stored(study.str(), "", 0, "study_patient_name") == "aa");
    CHECK(redcap.stored(study.str(), "", 0, "study_arrival_date") == "2024-01-02 10:30");
    CHECK(redcap.stored(study.str(), "", 0, "incoming_studies_complete") == "2");
    CHECK(redcap.stored(study.str(), "series", 1, "series_instance_uid") == series(1).series.str());
    CHECK(redcap.stored(study.str(), "series", 2, "series_num_files") == "10");
    CHECK(redcap.stored(study.str(), "series", 2, "series_complete") == "2");
}

TEST_CASE_METHOD(Fixture, "recording the same again writes nothing")
{
    incoming.record(record({series(1), series(2)}));
    const auto imports = redcap.imports;
    auto later = record({series(2), series(1)});
    later.arrival_date = "2025-05-05 05:05";

    CHECK(incoming.record(later) == 0);
    CHECK(redcap.imports == imports);
}

TEST_CASE_METHOD(Fixture, "a changed series keeps its instance, the arrival date its first value")
{
    incoming.record(record({series(1), series(2)}));
    auto later = record({series(1), series(2, "11")});
    later.arrival_date = "2025-05-05 05:05";

    CHECK(incoming.record(later) == 1);

    CHECK(redcap.stored(study.str(), "series", 2, "series_num_files") == "11");
    CHECK(redcap.count_instances(study.str(), "series") == 2);
    CHECK(redcap.stored(study.str(), "", 0, "study_arrival_date") == "2024-01-02 10:30");
}

TEST_CASE_METHOD(Fixture,
                 "a new series is numbered after all instances, also those cleaned up here")
{
    incoming.record(record({series(1), series(2), series(3)}));
    redcap.put({study.str(), {}, "series", 9, {}}); // blank, and yet taken

    incoming.record(record({series(4)}));

    CHECK(redcap.stored(study.str(), "series", 10, "series_instance_uid")
          == series(4).series.str());
    CHECK(redcap.stored(study.str(), "series", 1, "series_instance_uid") == series(1).series.str());
}

TEST_CASE_METHOD(Fixture, "many studies cost one read, one import and one confirmation")
{
    std::vector<StudyRecord> all;
    for (int i = 0; i < 50; ++i) {
        const StudyUid uid{fmt::format("1.2.826.0.1.3680043.2.1125.{}", 100 + i)};
        all.push_back(record({series(2 * i + 1), series(2 * i + 2)}, uid));
    }

    const auto recorded = incoming.record_all(all);

    CHECK(recorded.written.size() == 50);
    CHECK(recorded.series_rows == 100);
    CHECK(redcap.exports == 2);
    CHECK(redcap.imports == 1);
    CHECK(incoming.record_all(all).unchanged.size() == 50);
    CHECK(redcap.imports == 1);
}

TEST_CASE_METHOD(Fixture, "a study that REDCap refuses is set aside and the others go through")
{
    std::vector<StudyRecord> all;
    for (int i = 0; i < 9; ++i) {
        const StudyUid uid{fmt::format("1.2.826.0.1.3680043.2.1125.{}", 100 + i)};
        all.push_back(record({series(i, i == 5 ? "many" : "7")}, uid));
    }

    const auto recorded = incoming.record_all(all);

    REQUIRE(recorded.refused.size() == 1);
    CHECK(recorded.refused[0].study == all[5].study);
    CHECK_THAT(recorded.refused[0].reason, Contains("series_num_files"));
    CHECK(recorded.written.size() == 8);
    CHECK(redcap.count_instances(all[5].study.str(), "series") == 0);
    CHECK(redcap.count_instances(all[8].study.str(), "series") == 1);
}

TEST_CASE_METHOD(Fixture, "an answer lost after the commit makes no second instance")
{
    const bool committed = GENERATE(true, false);
    CAPTURE(committed);
    unsigned losses = 0;
    auto& hook = committed ? redcap.after_import : redcap.before_import;
    hook = [&](const auto&) {
        if (++losses <= 2) {
            throw lost();
        }
    };

    CHECK(incoming.record(record({series(1), series(2)})) == 2);
    CHECK(redcap.count_instances(study.str(), "series") == 2);

    losses = 0;
    const auto ensured = incoming.ensure_transfer(wanted(), now);
    CHECK(ensured.created);
    CHECK(ensured.transfer.instance == 1);
    CHECK(redcap.count_instances(study.str(), "transfers") == 1);
}

TEST_CASE_METHOD(Fixture, "a number that somebody took meanwhile is left to them")
{
    // The import is lost before the commit, and a person saves the same instance.
    bool first = true;
    redcap.before_import = [&](const auto&) {
        if (std::exchange(first, false)) {
            redcap.put({study.str(),
                        {},
                        "transfers",
                        1,
                        {{"transfer_project_name", "OTHER"}, {"transfer_name", "O_1"}}});
            throw lost();
        }
    };

    const auto ensured = incoming.ensure_transfer(wanted(), now);

    CHECK(ensured.transfer.instance == 2);
    CHECK(redcap.stored(study.str(), "transfers", 1, "transfer_project_name") == "OTHER");
    CHECK(redcap.stored(study.str(), "transfers", 2, "transfer_project_name") == "DEMO");
}

TEST_CASE_METHOD(Fixture, "an instance overwritten right after the write gets another number")
{
    bool first = true;
    redcap.after_import = [&](const auto&) {
        if (std::exchange(first, false)) {
            redcap.put({study.str(), {}, "series", 1, {{"series_instance_uid", "1.2.3.4.5"}}});
        }
    };

    incoming.record(record({series(1)}));

    CHECK(redcap.stored(study.str(), "series", 1, "series_instance_uid") == "1.2.3.4.5");
    CHECK(redcap.stored(study.str(), "series", 2, "series_instance_uid") == series(1).series.str());
}

TEST_CASE_METHOD(Fixture, "a transfer that is there already is found, not made")
{
    const auto made = incoming.ensure_transfer(wanted(), now);
    const auto found = incoming.ensure_transfer(wanted(), now + std::chrono::hours{5});

    CHECK(made.created);
    CHECK(!found.created);
    CHECK(found.transfer.instance == made.transfer.instance);
    CHECK(found.transfer.requested == local_minute(now));
    CHECK(redcap.count_instances(study.str(), "transfers") == 1);
}

TEST_CASE_METHOD(Fixture, "one study does not get two pseudonyms in one project")
{
    incoming.ensure_transfer(wanted(), now);

    CHECK_THROWS_WITH(incoming.ensure_transfer(wanted("DEMO_0002"), now),
                      Contains("participant") && !Contains("DEMO_000"));
    CHECK_THROWS_WITH(incoming.ensure_transfer(wanted("DEMO_0001", "week52"), now),
                      Contains("event"));
    auto other = wanted();
    other.project = "OTHER";
    CHECK(incoming.ensure_transfer(other, now).transfer.instance == 2);
}

TEST_CASE_METHOD(Fixture, "a REDCap that does not answer leaves nothing half done")
{
    redcap.before_export = [] { throw lost(); };

    CHECK_THROWS_AS(incoming.ensure_transfer(wanted(), now), Error);
    CHECK_THROWS_AS(incoming.record(record({series(1)})), Error);
    CHECK(redcap.imports == 0);
}

TEST_CASE_METHOD(Fixture, "a result goes beside the request, and the same again changes nothing")
{
    const auto made = incoming.ensure_transfer(wanted(), now).transfer;
    TransferResult result{.study = study, .instance = 1, .started = now + std::chrono::minutes{5}};
    result.mapped_uids = "2.25.1,2.25.2";
    result.seconds = 12.34;
    result.error_message = "[]";
    result.pixels_masked = true;

    incoming.write_result(result);
    result.error_message = "";
    incoming.write_result(result);

    const auto transfers = incoming.transfers({study});
    REQUIRE(transfers.size() == 1);
    CHECK(transfers[0].transferred == local_minute(result.started));
    CHECK(transfers[0].requested == made.requested);
    CHECK(transfers[0].participant == "DEMO_0001");
    CHECK(transfers[0].mapped_uids == "2.25.1,2.25.2");
    CHECK(transfers[0].pixels_masked);
    CHECK(!transfers[0].send_error);
    CHECK(transfers[0].error_message.empty());
    CHECK(redcap.stored(study.str(), "transfers", 1, "transfers_complete") == "2");
    CHECK(redcap.stored(study.str(), "transfers", 1, "transfer_active_proc_time") == "12.3");
}

TEST_CASE_METHOD(Fixture, "a failed resend keeps the UIDs of what was sent before")
{
    incoming.ensure_transfer(wanted(), now);
    TransferResult result{.study = study, .instance = 1, .started = now};
    result.mapped_uids = "2.25.1";
    incoming.write_result(result);
    result.mapped_uids = "";
    result.send_error = true;

    incoming.write_result(result);

    CHECK(incoming.transfers({study})[0].mapped_uids == "2.25.1");
    CHECK(incoming.transfers({study})[0].send_error);
    CHECK(redcap.stored(study.str(), "transfers", 1, "transfers_complete") == "1");
}

TEST_CASE_METHOD(Fixture, "the result of a transfer that somebody deleted makes no new row")
{
    incoming.ensure_transfer(wanted(), now);
    redcap.delete_instance(study.str(), "transfers", 1);

    CHECK_THROWS_AS(incoming.write_result({.study = study, .instance = 1, .started = now}), Error);
    CHECK(redcap.count_instances(study.str(), "transfers") == 0);
}

TEST_CASE_METHOD(Fixture, "the result of a transfer is not written into the instance of another")
{
    incoming.ensure_transfer(wanted(), now);
    TransferResult result{.study = study,
                          .instance = 1,
                          .project = "DEMO",
                          .participant = "DEMO_0001",
                          .started = now,
                          .mapped_uids = "2.25.1"};
    const bool is_other_project = GENERATE(true, false);
    (is_other_project ? result.project : result.participant) = "OTHER";

    CHECK_THROWS_WITH(incoming.write_result(result),
                      Contains("another request") && !Contains("OTHER") && !Contains("DEMO"));
    CHECK(incoming.transfers({study})[0].transferred.empty());
    (is_other_project ? result.project : result.participant) =
        is_other_project ? "DEMO" : "DEMO_0001";
    incoming.write_result(result);
    CHECK(incoming.transfers({study})[0].mapped_uids == "2.25.1");
}

TEST_CASE_METHOD(Fixture, "asking again is later than the last transfer, even in the same minute")
{
    auto transfer = incoming.ensure_transfer(wanted(), now).transfer;
    incoming.request_again(transfer, now + std::chrono::hours{1}); // it still waits: nothing to do
    CHECK(incoming.transfers({study})[0].requested == local_minute(now));
    incoming.write_result({.study = study, .instance = 1, .started = now});

    incoming.request_again(transfer, now);

    const auto again = incoming.transfers({study})[0];
    CHECK(again.requested == local_minute(now + std::chrono::minutes{1}));
    CHECK(again.requested > again.transferred);
    const auto imports = redcap.imports;
    incoming.request_again(transfer, now);
    CHECK(redcap.imports == imports);
}

TEST_CASE_METHOD(Fixture, "recorded series are listed by study, and no study means no call")
{
    incoming.record(record({series(1), series(2)}));
    const auto exports = redcap.exports;

    const auto recorded = incoming.recorded_series({study});

    CHECK(recorded.at(study).size() == 2);
    CHECK(incoming.recorded_series({}).empty());
    CHECK(redcap.exports == exports + 1);
}

TEST_CASE_METHOD(Fixture, "a dry run reads and writes nothing")
{
    const auto recorded = incoming.record_all({record({series(1)})}, Mode::dry_run);

    CHECK(recorded.written.size() == 1);
    CHECK(recorded.series_rows == 1);
    CHECK(redcap.imports == 0);
    CHECK(!std::filesystem::exists(directory / "locks"));
}

TEST_CASE_METHOD(Fixture, "a study that another process works on is waited for")
{
    const auto held = directory / "held";
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) { // holds the lock for the length of its import
        redcap.before_import = [&](const auto&) {
            ::close(::creat(held.c_str(), 0600)); // NOLINT(cppcoreguidelines-pro-type-vararg) POSIX
            ::usleep(200'000);
        };
        incoming.record(record({series(1)}));
        ::_exit(0);
    }
    while (!std::filesystem::exists(held)) {
        ::usleep(1000);
    }
    const auto started = std::chrono::steady_clock::now();

    incoming.record(record({series(1)}));

    CHECK(std::chrono::steady_clock::now() - started > std::chrono::milliseconds{100});
    int status = 0;
    ::waitpid(child, &status, 0);
    CHECK(status == 0);
}

TEST_CASE_METHOD(Fixture, "asked for again by a clock that was ahead, it is asked for again now")
{
    const auto transfer = incoming.ensure_transfer(wanted(), now).transfer;
    incoming.write_result({.study = study, .instance = 1, .started = now});
    incoming.request_again(transfer, now + std::chrono::hours{9000});

    const auto later = now + std::chrono::hours{1};
    incoming.request_again(transfer, later);

    CHECK(incoming.transfers({study})[0].requested == local_minute(later));
}

TEST_CASE_METHOD(Fixture, "a request is asked for at the time that it names, and else now")
{
    auto later = wanted();
    later.requested = local_minute(now + std::chrono::minutes{1});
    CHECK(incoming.ensure_transfers({later}, now, Mode::dry_run)[0].transfer.requested
          == later.requested);
    CHECK(incoming.ensure_transfer(later, now).transfer.requested == later.requested);
}
