// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/cleanup/report.h"
#include "libfiona/redcap/study_lock.h"
#include "libfiona/store/arrival_marks.h"
#include "libfiona/store/incoming_list.h"
#include "libfiona/store/requests.h"
#include "libfiona/store/spool.h"
#include "tests/support/old_site.h"

#include <catch2/catch.hpp>

#include <fcntl.h>
#include <sys/file.h>

#include <algorithm>
#include <fstream>

using namespace fiona;
using Catch::Matchers::Contains;
using cleanup::Hold;
namespace fs = std::filesystem;

namespace {

using Numbers = std::vector<unsigned>;

std::optional<Hold> why_kept(const cleanup::ClearOldReport& report, unsigned n)
{
    const auto found =
        std::ranges::find(report.kept, OldSite::study(n), &cleanup::ClearOldReport::Kept::study);
    return found == report.kept.end() ? std::nullopt : std::optional{found->why};
}

/// A site that is full, of three studies; the first would go.
struct FullSite : OldSite {
    FullSite() : OldSite{3}
    {
        fill(90);
        order.max_used = 80;
    }
};

} // namespace

TEST_CASE("clear_old removes the oldest studies with all links to them until the goal is met")
{
    OldSite site{10};
    site.fill(90);
    site.order.max_used = 70;

    const auto report = site.clear();

    CHECK(report.is_goal_reached);
    CHECK(report.used_before == 90);
    CHECK(report.used_after <= 70);
    REQUIRE(report.removed.size() == 3);
    CHECK(report.removed[0].study.study == OldSite::study(1));
    CHECK(report.removed[0].links == 2);
    CHECK(site.studies_there(10) == Numbers{4, 5, 6, 7, 8, 9, 10});
    CHECK(std::ranges::all_of(Numbers{1, 2, 3}, [&](unsigned n) { return site.is_there(n) == 0; }));
    CHECK(std::ranges::all_of(Numbers{4, 10}, [&](unsigned n) { return site.is_there(n) == 1; }));
    CHECK(fs::is_empty(site.paths.archive() / ".trash"));
    CHECK(fs::is_empty(site.paths.raw() / ".trash"));
    CHECK(site.clear().removed.empty());
}

TEST_CASE("clear_old asks nobody and changes nothing while there is room")
{
    OldSite site{2};
    site.fill(80);

    const auto report = site.clear([](MemoryRedcap&) { FAIL("REDCap was asked"); });

    CHECK(report.is_goal_reached);
    CHECK(report.removed.empty());
    CHECK(site.studies_there(2) == Numbers{1, 2});
}

TEST_CASE("clear_old: a dry run says what would go and changes nothing")
{
    OldSite site{6};
    site.fill(100);
    site.order.max_used = 60;
    site.order.mode = Mode::dry_run;

    const auto report = site.clear();

    CHECK(report.removed.size() == 3); // of six in 99.x %
    CHECK(report.removed.front().links == 2);
    CHECK(report.freed.bytes > 0);
    CHECK(report.used_after <= 60);
    CHECK(site.studies_there(6).size() == 6);
    CHECK_FALSE(fs::exists(site.paths.archive() / ".trash"));
    CHECK_FALSE(fs::exists(site.paths.status() / "archive-id"));
}

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

TEST_CASE("clear_old: above the emergency mark younger studies may go, those of today's hours not")
{
    FullSite site;
    site.fill(99);
    const auto hours_ago = [](int hours) {
        return fs::file_time_type::clock::now() - std::chrono::hours{hours};
    };
    fs::last_write_time(site.archived(1), hours_ago(8));
    fs::last_write_time(site.archived(2), hours_ago(7));
    fs::last_write_time(site.archived(3), hours_ago(1));
    site.order.max_used = 1;

    SECTION("below the mark")
    {
        site.order.emergency_used = 100;
        CHECK(site.clear().removed.empty());
    }
    SECTION("above it")
    {
        const auto report = site.clear();
        CHECK(report.is_emergency);
        CHECK(site.studies_there(3) == Numbers{3});
        CHECK(why_kept(report, 3) == Hold::young);
    }
}

TEST_CASE("clear_old: where something else fills the disk only a few studies go, and it says so")
{
    OldSite site{25};
    site.size = site.archive_bytes() * 100;
    site.others = site.size * 90 / 100;

    const auto report = site.clear();

    CHECK(report.is_hopeless);
    CHECK_FALSE(report.is_goal_reached);
    CHECK(report.removed.size() == 20);
    CHECK_THAT(fmt::format("{}", fmt::join(cleanup::as_lines(report, site.order), "\n")),
               Contains("something else fills the disk"));
    site.order.max_delete = 2;
    CHECK(site.clear().removed.size() == 2);
}

TEST_CASE("clear_old removes nothing when something it needs cannot be read")
{
    FullSite site;
    const auto replace_by_file = [](const fs::path& path) {
        fs::remove_all(path);
        std::ofstream{path} << "no directory";
    };
    std::string expected;
    SECTION("the spool")
    {
        fs::create_directories(site.paths.spool());
        replace_by_file(site.paths.spool() / "new");
        expected = "the spool";
    }
    SECTION("no spool at all")
    {
        fs::remove_all(site.paths.spool());
        expected = "the spool";
    }
    SECTION("an entry of the spool")
    {
        const store::Spool spool{site.paths.spool()};
        store::write_file(site.paths.spool() / "new/0.1.2.json", "{");
        expected = "an entry of the spool";
    }
    SECTION("the marks")
    {
        fs::remove_all(site.paths.arrived());
        expected = "the arrival marks";
    }
    SECTION("the requests")
    {
        fs::remove_all(site.paths.requests());
        expected = "the transfer requests";
    }
    SECTION("the work directories")
    {
        replace_by_file(site.paths.work());
        expected = "read ";
    }
    SECTION("the list of arrived studies")
    {
        fs::remove_all(site.paths.incoming_list());
        fs::create_directories(site.paths.incoming_list());
        expected = "";
    }
    SECTION("the job list")
    {
        fs::create_directories(site.paths.job_list());
        expected = "";
    }
    CAPTURE(expected);

    CHECK_THROWS_WITH(site.clear(), Contains(expected));

    CHECK(fs::exists(site.archived(1)));
    CHECK(fs::exists(site.paths.raw() / OldSite::study(1).str()));
}

TEST_CASE("clear_old removes nothing when the disk or REDCap does not answer")
{
    FullSite site;

    SECTION("REDCap")
    {
        CHECK_THROWS_WITH(site.clear([](MemoryRedcap& server) {
            server.before_export = [] { throw Error{Fault::temporary, "no answer"}; };
        }),
                          Contains("nothing is removed: REDCap cannot say")
                              && Contains("no answer"));
    }
    SECTION("REDCap, when it is asked again")
    {
        const auto report = site.clear([](MemoryRedcap& server) {
            server.before_export = [&server] {
                if (server.exports >= 3) {
                    throw Error{Fault::temporary, "no answer"};
                }
            };
        });
        REQUIRE(report.trouble);
        CHECK(report.trouble->fault() == Fault::temporary);
        CHECK(report.removed.empty());
    }
    SECTION("the disk")
    {
        const auto run = [&] {
            return cleanup::clear_old(site.config, site.order,
                                      {.disk = []() -> store::DiskSpace {
                                           throw Error{Fault::io, "ask for the free space"};
                                       },
                                       .incoming = [&] { return site.redcap(); }});
        };
        CHECK_THROWS_WITH(run(), Contains("free space"));
    }
    SECTION("the disk, half-way")
    {
        int asked = 0;
        auto order = site.order;
        order.now = Clock::now();
        const auto report =
            cleanup::clear_old(site.config, order,
                               {.disk = [&]() -> store::DiskSpace {
                                    if (++asked > 1) {
                                        throw Error{Fault::io, "ask for the free space"};
                                    }
                                    return site.disk();
                                },
                                .incoming = [&] { return site.redcap(); }});
        REQUIRE(report.trouble);
        CHECK(report.removed.empty());
    }
    CHECK(site.studies_there(3).size() == 3);
}

TEST_CASE("clear_old leaves strangers in the archive and links to studies alone")
{
    FullSite site;
    site.order.max_used = 1;
    fs::create_directories(site.paths.archive() / "scp_..");
    fs::create_directories(site.paths.archive() / "lost+found");
    std::ofstream{site.paths.archive() / "scp_1.2.3"} << "a file";
    const auto elsewhere = site.root / "elsewhere";
    fs::create_directories(elsewhere);
    std::ofstream{elsewhere / "precious"} << "x";
    fs::create_directory_symlink(elsewhere, site.paths.archive() / "scp_1.2.4");
    // A link to another place inside a study goes with it; what it leads to stays.
    fs::create_symlink(elsewhere / "precious",
                       site.archived(1) / ("MR." + OldSite::study(1).str() + ".1.9"));
    const auto uid = OldSite::study(1).str();
    store::StudyTree{site.paths}.link_instance(
        StudyUid{uid}, SeriesUid{uid + ".1"}, SopInstanceUid{uid + ".1.9"}, elsewhere / "precious");
    fs::last_write_time(site.archived(1),
                        fs::file_time_type::clock::now() - std::chrono::hours{800});
    site.order.now = Clock::now();

    const auto report = cleanup::clear_old(
        site.config,
        [&] {
            auto later = site.order;
            later.now += std::chrono::hours{48};
            return later;
        }(),
        {.disk = [&] { return site.disk(); }, .incoming = [&] { return site.redcap(); }});

    CHECK(report.strangers == 4);
    CHECK(fs::exists(elsewhere / "precious"));
    CHECK(fs::exists(site.paths.archive() / "scp_1.2.4"));
    CHECK_FALSE(fs::exists(site.archived(1)));
}

TEST_CASE("clear_old takes the lines of removed studies off the list of arrived ones")
{
    FullSite site;
    const store::IncomingList list{site.paths.incoming_list()};
    for (const unsigned n : {1U, 2U}) {
        list.put({epoch_seconds(Clock::now()) - 3'000'000, "A", "B", "h", OldSite::study(n), 1,
                  "MR", ""});
    }

    SECTION("in a whole run")
    {
        REQUIRE(site.clear().removed.size() == 1);
    }
    SECTION("in a run that breaks off half-way")
    {
        site.order.max_used = 1;
        site.order.now = Clock::now();
        int asked = 0;
        const auto report =
            cleanup::clear_old(site.config, site.order,
                               {.disk = [&]() -> store::DiskSpace {
                                    if (++asked > 2) {
                                        throw Error{Fault::io, "ask for the free space"};
                                    }
                                    return site.disk();
                                },
                                .incoming = [&] { return site.redcap(); }});
        REQUIRE(report.trouble);
        REQUIRE(report.removed.size() == 1);
    }
    SECTION("after a run that was killed before it came to the list")
    {
        const auto lines = read_file(site.paths.incoming_list());
        REQUIRE(site.clear().removed.size() == 1);
        std::ofstream{site.paths.incoming_list()} << lines;

        SECTION("a dry run leaves it")
        {
            site.order.mode = Mode::dry_run;
            REQUIRE(site.clear().removed.empty());
            CHECK(list.lines().size() == 2);
            site.order.mode = Mode::apply;
        }
        CHECK(site.clear().removed.empty());
    }

    REQUIRE(list.lines().size() == 1);
    CHECK(list.lines()[0].study == OldSite::study(2));
}

TEST_CASE("clear_old frees the disk although the list of arrived studies cannot be cleaned")
{
    FullSite site;
    const store::IncomingList list{site.paths.incoming_list()};
    list.put(
        {epoch_seconds(Clock::now()) - 3'000'000, "A", "B", "h", OldSite::study(1), 1, "MR", ""});
    fs::remove(site.paths.incoming_list().native() + ".lock");
    fs::create_directory(site.paths.incoming_list().native() + ".lock");

    const auto report = site.clear();

    CHECK(report.removed.size() == 1);
    CHECK(report.trouble);
    CHECK(site.is_there(1) == 0);
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
