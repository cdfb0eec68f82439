// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/cleanup/report.h"
#include "libfiona/store/incoming_list.h"
#include "tests/unit/cleanup/full_old_site.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <fstream>

using namespace fiona;
using Catch::Matchers::Contains;
using cleanup::Hold;
using full_old_site::FullSite;
using full_old_site::Numbers;
using full_old_site::why_kept;
namespace fs = std::filesystem;

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
