// SPDX-License-Identifier: MIT
#include "libfiona/base/files.h"
#include "libfiona/redcap/study_lock.h"
#include "libfiona/store/arrival_marks.h"
#include "libfiona/store/incoming_list.h"
#include "libfiona/store/requests.h"
#include "libfiona/store/spool.h"
#include "tests/unit/cleanup/full_old_site.h"

#include <catch2/catch.hpp>

#include <fcntl.h>
#include <sys/file.h>

using namespace fiona;
using cleanup::Hold;
using full_old_site::FullSite;
using full_old_site::Numbers;
using full_old_site::why_kept;
namespace fs = std::filesystem;

TEST_CASE("clear_old keeps an assigned study, however old and however full the disk")
{
    FullSite site;
    site.assigned = {1};
    site.order.max_used = 1;
    site.order.emergency_used = 2;

    const auto report = site.clear();

    CHECK(why_kept(report, 1) == Hold::assigned);
    CHECK(site.studies_there(3) == Numbers{1});
    CHECK_FALSE(report.is_goal_reached);
    CHECK(report.is_hopeless);
}

TEST_CASE("clear_old keeps a study that is assigned between its two questions to REDCap")
{
    FullSite site;

    const auto report = site.clear([](MemoryRedcap& server) {
        server.before_export = [&server] {
            if (server.exports
                == 2) { // the copy has been read: what comes now is only on the server
                server.put(OldSite::transfer(1));
            }
        };
    });

    CHECK(why_kept(report, 1) == Hold::assigned);
    CHECK(site.is_there(1) == 1);
}

TEST_CASE("clear_old keeps a study that INCOMING does not know, or not with all its series")
{
    FullSite site;
    site.recorded.erase(1);
    const auto uid = OldSite::study(2).str();
    site.sort(uid, uid + ".9", uid + ".9.1");
    site.date(2);
    site.fill(90);

    const auto report = site.clear();

    CHECK(why_kept(report, 1) == Hold::not_recorded);
    CHECK(why_kept(report, 2) == Hold::not_recorded);
    CHECK(site.studies_there(3) == Numbers{1, 2});
}

TEST_CASE("clear_old keeps a study of which an object is not sorted yet")
{
    FullSite site;
    site.receive(OldSite::study(1).str(), OldSite::study(1).str() + ".1.3");
    site.date(1);
    site.fill(90);

    CHECK(why_kept(site.clear(), 1) == Hold::unsorted);
    CHECK(site.is_there(1) == 1);
}

TEST_CASE("clear_old keeps a study whose request waits or is in work, by old names too")
{
    FullSite site;
    site.order.max_used = 1;
    const store::Requests requests{site.paths};
    const auto file_for = [&](unsigned n) {
        store::TransferRequest request{
            OldSite::study(n), ProjectName{"DEMO"}, ParticipantId{"D_1"}, std::nullopt, 1, "",
            json::Object{}};
        request.content = json::Object{{"study_instance_uid", OldSite::study(n).str()},
                                       {"transfer_project_name", "DEMO"},
                                       {"transfer_name", "D_1"},
                                       {"redcap_repeat_instance", 1}};
        REQUIRE(requests.file(request));
        return request.file_name();
    };
    const auto in_work = file_for(1);
    file_for(2);
    const store::RequestWorker worker{requests};
    REQUIRE(worker.claim(in_work, Clock::now()));
    store::write_file(site.paths.requests() / "resend me.json",
                      json::write(json::Object{{"study_instance_uid", OldSite::study(3).str()}}));

    const auto report = site.clear();

    CHECK(why_kept(report, 1) == Hold::in_work);
    CHECK(why_kept(report, 2) == Hold::requested);
    CHECK(why_kept(report, 3) == Hold::requested);
    CHECK(site.studies_there(3).size() == 3);
}

TEST_CASE("clear_old keeps what arrives: young, marked, claimed, spooled, an open association")
{
    FullSite site;
    site.order.max_used = 1;
    const store::ArrivalMarks marks{site.paths.arrived()};

    SECTION("a mark")
    {
        marks.touch({"A", "B", "host", OldSite::study(1), std::nullopt});
        CHECK(why_kept(site.clear(), 1) == Hold::arriving);
    }
    SECTION("a claimed mark of a series")
    {
        const store::ArrivalMark mark{"A", "B", "host", OldSite::study(1), SeriesUid{"1.2.3"}};
        marks.touch(mark);
        REQUIRE(marks.claim(mark.file_name()));
        CHECK(why_kept(site.clear(), 1) == Hold::arriving);
    }
    SECTION("an association")
    {
        marks.open_association(fmt::format("{}-1", ::getpid()), OldSite::study(1));
        CHECK(why_kept(site.clear(), 1) == Hold::arriving);
    }
    SECTION("the spool")
    {
        store::SpoolEntry entry{Clock::now(),
                                "A",
                                "B",
                                "host",
                                "127.0.0.1",
                                site.archived(1),
                                "MR.1.2",
                                OldSite::study(1),
                                SeriesUid{"1.2.3"},
                                SopInstanceUid{"1.2.3.4"},
                                "1.2",
                                "1.2",
                                1,
                                "1-1"};
        store::Spool{site.paths.spool()}.add(entry, store::Spool::Sync::no);
        CHECK(why_kept(site.clear(), 1) == Hold::spooled);
    }
    SECTION("an object an hour ago")
    {
        fs::last_write_time(site.archived(1),
                            fs::file_time_type::clock::now() - std::chrono::hours{1});
        CHECK(why_kept(site.clear(), 1) == Hold::young);
    }
    SECTION("the same objects again, an hour ago: no file of it is young")
    {
        store::IncomingList{site.paths.incoming_list()}.put(
            {epoch_seconds(Clock::now()) - 3600, "A", "B", "h", OldSite::study(1), 1, "MR", ""});
        CHECK(why_kept(site.clear(), 1) == Hold::young);
    }
    SECTION("a receiver that has opened its directory, and not yet said so")
    {
        const UniqueFd held{::open(site.archived(1).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
        REQUIRE(::flock(held.get(), LOCK_SH) == 0);
        CHECK(why_kept(site.clear(), 1) == Hold::busy);
        CHECK(site.is_there(1) == 1);
    }
    SECTION("an assignment that is being written")
    {
        const redcap::StudyLocks held{site.paths.state() / "locks", {OldSite::study(1)}};
        CHECK(why_kept(site.clear(), 1) == Hold::busy);
    }
    SECTION("a job")
    {
        fs::create_directories(site.paths.job_list().parent_path());
        store::write_file(site.paths.job_list(),
                          "{\"study\":\"" + OldSite::study(1).str() + "\"}\n");
        CHECK(why_kept(site.clear(), 1) == Hold::in_job);
    }
    CHECK(site.is_there(1) == 1);
}

TEST_CASE("clear_old: a study that was sent may go only if it is asked for, and long sent")
{
    FullSite site;
    const auto sent = [](MemoryRedcap& server, const std::string& date,
                         const std::string& message) {
        auto row = OldSite::transfer(1);
        row.values.insert_or_assign("transfer_date", date);
        row.values.insert_or_assign("transfer_error_message", message);
        server.put(row);
    };
    const auto long_ago = local_minute(Clock::now() + std::chrono::hours{1});
    std::string message;
    bool goes = false;
    auto age = std::optional{std::chrono::hours{1}};
    SECTION("not asked for")
    {
        age.reset();
    }
    SECTION("asked for")
    {
        goes = true;
    }
    SECTION("sent a minute ago")
    {
        age = std::chrono::hours{200};
    }
    SECTION("a series was held back")
    {
        message = R"({"held": [{"series": "1.2", "reason": "doubtful"}]})";
    }
    site.order.sent_age = age;
    auto order = site.order;
    order.now = Clock::now() + std::chrono::hours{100};
    const auto report = cleanup::clear_old(site.config, order,
                                           {.disk = [&] { return site.disk(); },
                                            .incoming =
                                                [&] {
                                                    auto server = site.redcap();
                                                    sent(*server, long_ago, message);
                                                    return server;
                                                }});
    CHECK((site.is_there(1) == 0) == goes);
    if (!goes) {
        CHECK(why_kept(report, 1) == Hold::assigned);
    }
}
