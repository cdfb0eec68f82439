// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/base/file_lock.h"
#include "libfiona/base/log.h"
#include "libfiona/cleanup/stale_links.h"
#include "tests/support/old_site.h"

#include <catch2/catch.hpp>

#include <sys/resource.h>
#include <sys/stat.h>

#include <fstream>

using namespace fiona;
using Catch::Matchers::Contains;
using cleanup::StaleLinkOrder;
namespace fs = std::filesystem;

namespace {

/// Three studies, all links and directories two hours old; of the first the archive is gone.
struct StaleSite : OldSite {
    StaleSite() : OldSite{3}
    {
        fs::remove_all(archived(1));
        order.mode = Mode::apply;
        order.now = Clock::now() + std::chrono::hours{2};
    }
    // NOLINTNEXTLINE(modernize-use-nodiscard) some calls are made for their effect
    cleanup::StaleLinkReport sweep() const { return cleanup::clear_stale_links(paths, order); }
    [[nodiscard]] fs::path raw(unsigned n, const std::string& more = "") const
    {
        return paths.raw() / (study(n).str() + more);
    }

    StaleLinkOrder order;
};

} // namespace

TEST_CASE("clear_stale_links removes all that is left of a study whose objects are gone")
{
    const StaleSite site;

    const auto report = site.sweep();

    CHECK_FALSE(report.is_refused);
    REQUIRE(report.trees.size() == 3);
    CHECK(report.trees[0].links == 6);
    CHECK(report.trees[0].removed.files == 2);
    CHECK(report.trees[0].directories == 2); // series and study
    CHECK(report.trees[0].descriptions == 1);
    CHECK(report.trees[1].removed.files == 1);
    CHECK(report.trees[2].removed.files == 1); // a link to a link whose middle went in this run
    CHECK(site.is_there(1) == 0);
    CHECK(site.is_there(2) == 1);
    CHECK(site.is_there(3) == 1);
    CHECK(site.sweep().sum().removed.files == 0);
}

TEST_CASE("clear_stale_links: a dry run says the same and changes nothing")
{
    StaleSite site;
    site.order.mode = Mode::dry_run;

    const auto said = site.sweep();
    CHECK(OldSite::count_links(site.paths.raw(), OldSite::study(1).str()) == 0);
    CHECK(fs::exists(site.raw(1)));
    CHECK_FALSE(fs::exists(site.paths.status() / "archive-id"));

    site.order.mode = Mode::apply;
    const auto done = site.sweep();
    for (std::size_t tree = 0; tree < 3; ++tree) {
        CAPTURE(tree);
        CHECK(said.trees[tree].removed.files == done.trees[tree].removed.files);
        CHECK(said.trees[tree].directories == done.trees[tree].directories);
        CHECK(said.trees[tree].descriptions == done.trees[tree].descriptions);
    }
}

TEST_CASE("clear_stale_links keeps what is young")
{
    StaleSite site;
    site.order.now = Clock::now();

    const auto report = site.sweep();

    CHECK(report.sum().stale == 3); // the participant's link leads to raw/, which stays
    CHECK(report.sum().young == 3);
    CHECK(report.sum().removed.files == 0);
    CHECK(fs::exists(site.raw(1)));
}

TEST_CASE("clear_stale_links keeps other files of a study, and a series JSON in use")
{
    const StaleSite site;
    const auto uid = OldSite::study(1).str();
    SECTION("other files")
    {
        std::ofstream{site.raw(1) / "data.json"} << "{}";
        std::ofstream{site.raw(1) / "notes"} << "x";

        const auto report = site.sweep();

        CHECK(report.trees[0].descriptions == 1);
        CHECK(fs::exists(site.raw(1) / "data.json"));
        CHECK(fs::exists(site.raw(1) / "notes"));
    }
    SECTION("in use")
    {
        const FileLock lock{site.raw(1) / ".lock"};

        site.sweep();

        CHECK(fs::exists(site.raw(1) / (uid + ".1.json")));
    }
    SECTION("perhaps in use: the lock cannot be opened")
    {
        REQUIRE(::mknod((site.raw(1) / ".lock").c_str(), S_IFSOCK | 0600U, 0) == 0);

        site.sweep();

        CHECK(fs::exists(site.raw(1) / (uid + ".1.json")));
    }
    SECTION("what dead writers left goes")
    {
        std::ofstream{site.raw(2) / ".1.2.json.99.0.part"} << "x";

        CHECK(site.sweep().trees[0].remains == 1);
        CHECK_FALSE(fs::exists(site.raw(2) / ".1.2.json.99.0.part"));
    }
}

TEST_CASE(
    "clear_stale_links removes empty directories, never a base, and makes one that is missing")
{
    const StaleSite site;
    fs::create_directories(site.paths.participants() / "empty");
    fs::create_directories(site.paths.srs() / "vendor/1.2.3");
    fs::remove_all(site.raw(2));
    fs::remove_all(site.raw(3));
    for (const unsigned n : {2U, 3U}) {
        fs::remove_all(site.archived(n));
    }
    site.receive("1.2.9", "1.2.9.1"); // the archive is not empty
    SECTION("emptied")
    {
        site.sweep();
    }
    SECTION("missing")
    {
        fs::remove_all(site.paths.srs());
        site.sweep();
    }
    CHECK(fs::is_empty(site.paths.raw()));
    CHECK(fs::is_empty(site.paths.participants()));
    CHECK(fs::is_directory(site.paths.srs()));
    CHECK(fs::is_empty(site.paths.srs()));
}

TEST_CASE("clear_stale_links keeps a link of which nobody can say where it leads")
{
    const StaleSite site;
    fs::create_symlink(std::string(300, 'x'),
                       site.raw(2) / (OldSite::study(2).str() + ".1") / "1.2");

    const auto report = site.sweep();

    CHECK(report.trees[0].unknown == 1);
    CHECK(fs::is_symlink(site.raw(2) / (OldSite::study(2).str() + ".1") / "1.2"));
}

TEST_CASE("clear_stale_links removes nothing when the archive is away or empty")
{
    StaleSite site;
    SECTION("empty: a disk that is not mounted")
    {
        fs::remove_all(site.paths.archive());
        fs::create_directories(site.paths.archive());
        CHECK_THROWS_WITH(site.sweep(), Contains("is its disk mounted?"));
    }
    SECTION("away")
    {
        fs::remove_all(site.paths.archive());
        CHECK_THROWS_AS(site.sweep(), Error);
    }
    SECTION("not mounted, and the guard is off")
    {
        site.sweep(); // now it knows its archive
        fs::remove_all(site.paths.archive());
        fs::create_directories(site.paths.archive());
        site.order.guard = StaleLinkOrder::Guard::off;
        CHECK_THROWS_WITH(site.sweep(), Contains("not the archive of this site"));
        CHECK(fs::exists(site.raw(2)));
        return;
    }
    CHECK(fs::exists(site.raw(1)));
    CHECK(fs::exists(site.raw(2)));
}

TEST_CASE(
    "clear_stale_links: the archive goes away after the links were counted, nothing is removed")
{
    const bool is_left_empty = GENERATE(false, true);
    const StaleSite site;
    fs::remove_all(site.paths.srs()); // it is made between counting and removing, and that is said
    fiona::log::set_sink([&](fiona::log::Level, const std::string& line) {
        if (line.find("directory_made") != std::string::npos) {
            fs::rename(site.paths.archive(), site.paths.archive().parent_path() / "away");
            if (is_left_empty) { // a mount point
                fs::create_directories(site.paths.archive());
            }
        }
    });

    CHECK_THROWS_WITH(site.sweep(), Contains("has its disk gone away?"));
    fiona::log::set_sink({});

    CHECK_FALSE(fs::exists(site.archived(3)));
    for (const unsigned n : {1U, 2U, 3U}) {
        const auto series = OldSite::study(n).str() + ".1";
        CHECK(fs::is_symlink(site.raw(n, "/" + series + "/" + series + ".1")));
        CHECK(fs::exists(site.raw(n, "/" + series + ".json")));
    }
}

TEST_CASE("clear_stale_links takes no more links than it has counted")
{
    const StaleSite site;
    fs::remove_all(site.paths.srs());
    fiona::log::set_sink([&](fiona::log::Level, const std::string& line) {
        if (line.find("directory_made") != std::string::npos) {
            fs::remove_all(site.archived(2));
        }
    });

    const auto report = site.sweep();
    fiona::log::set_sink({});

    CHECK(report.trees[0].stale == 4);
    CHECK(report.trees[0].removed.files == 2);
    CHECK(site.sweep().trees[0].removed.files == 2);
}

TEST_CASE("clear_stale_links refuses when too large a part of many links is stale")
{
    StaleSite site;
    const auto series = site.raw(1) / (OldSite::study(1).str() + ".1");
    const auto living = site.raw(2) / (OldSite::study(2).str() + ".1");
    const auto object = fs::read_symlink(living / (OldSite::study(2).str() + ".1.1"));
    for (int i = 0; i < 1100; ++i) {
        fs::create_symlink("/nowhere", series / fmt::format("1.2.{}", i));
        fs::create_symlink(object, living / fmt::format("1.2.{}", i));
    }

    const auto refused = site.sweep();
    CHECK(refused.is_refused);
    CHECK(refused.sum().removed.files == 0);
    CHECK(fs::is_symlink(series / "1.2.1"));

    SECTION("a larger fraction is allowed")
    {
        site.order.max_fraction = 0.9;
    }
    SECTION("a person says that it is so")
    {
        site.order.guard = StaleLinkOrder::Guard::off;
    }
    const auto report = site.sweep();
    CHECK_FALSE(report.is_refused);
    CHECK(report.trees[0].removed.files == 1102);
    CHECK(fs::is_symlink(living / "1.2.1"));
}
