// SPDX-License-Identifier: MIT
#include "libfiona/redcap/incoming.h"
#include "libfiona/store/spool.h"
#include "tests/support/site.h"
#include "tests/support/skip.h"
#include "tests/support/small_disk.h"
#include "tests/support/sorted_site.h"

#include <catch2/catch.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include <array>
#include <fstream>
#include <iostream>
#include <set>

using namespace fiona;
using Catch::Matchers::Contains;
namespace fs = std::filesystem;

namespace {

constexpr int studies = 3000;
constexpr int images = 66; // 198,000 links in raw/, 3,000 each in participants/ and srs/
constexpr std::size_t object_bytes = 4096;

std::string study(int n)
{
    return fmt::format("1.2.826.0.1.3680043.2.1125.{}", n);
}

void make_old(const fs::path& path, std::chrono::minutes age)
{
    const auto when = Clock::to_time_t(Clock::now() - age);
    const std::array<timespec, 2> times{timespec{when, 0}, timespec{when, 0}};
    REQUIRE(::utimensat(AT_FDCWD, path.c_str(), times.data(), AT_SYMLINK_NOFOLLOW) == 0);
}

/// A site of a region: the archive on a disk of its own that is three quarters full. Study 0 is the oldest.
struct LargeSite {
    LargeSite()
        : paths{site.config().paths}, data{paths.data, "1g,nr_inodes=2000000"},
          disk{paths.archive(), "16m,nr_inodes=1000000"}
    {
        if (!disk.is_mounted()) {
            return;
        }
        for (const auto& directory : site::directories(paths)) {
            fs::create_directories(directory.path);
        }
        const store::Spool spool{paths.spool()};
        for (int n = 0; n < studies; ++n) {
            add(n);
        }
    }

    void add(int n) const
    {
        const auto uid = study(n);
        const auto age = std::chrono::hours{24 * 30} - std::chrono::minutes{n};
        const auto archive = paths.archive() / ("scp_" + uid);
        const auto series = paths.raw() / uid / (uid + ".1");
        const auto person = paths.participants() / fmt::format("TESTID{}", n);
        const auto report = paths.srs() / "Vendor" / uid;
        for (const auto& directory : {archive, series, person, report}) {
            fs::create_directories(directory);
        }
        for (int i = 0; i < images; ++i) {
            const auto sop = fmt::format("{}.1.{}", uid, i);
            const auto file = archive / ("MR." + sop);
            std::ofstream{file} << std::string(i == 0 ? object_bytes : 0, 'x');
            make_old(file, age);
            fs::create_symlink(file, series / sop);
            make_old(series / sop, age);
        }
        fs::create_symlink(paths.raw() / uid, person / "20240102_101500");
        fs::create_symlink(series / (uid + ".1.0"), report / (uid + ".1.0"));
        std::ofstream{paths.raw() / uid / (uid + ".1.json")} << "{}";
        for (const auto& path :
             {paths.raw() / uid / (uid + ".1.json"), person / "20240102_101500",
              report / (uid + ".1.0"), archive, series, paths.raw() / uid, person, report}) {
            make_old(path, age);
        }
    }

    /// All are recorded in INCOMING, every tenth is assigned.
    void record() const
    {
        std::vector<redcap::Row> rows;
        for (int n = 0; n < studies; ++n) {
            rows.push_back({study(n), {}, {}, 0, {{"study_description", "MR"}}});
            rows.push_back({study(n), {}, "series", 1, {{"series_instance_uid", study(n) + ".1"}}});
            if (is_assigned(n)) {
                rows.push_back({study(n),
                                {},
                                "transfers",
                                1,
                                {{"transfer_project_name", "DEMO"},
                                 {"transfer_name", fmt::format("DEMO_{}", n)},
                                 {"transfer_requested_date", "2024-01-02 10:30"}}});
            }
        }
        site.client(redcap::Role::incoming)->import_records(rows, redcap::Overwrite::normal);
    }
    static bool is_assigned(int n) { return n % 10 == 0; }
    [[nodiscard]] bool is_there(int n) const
    {
        return fs::exists(paths.archive() / ("scp_" + study(n)))
               || fs::exists(paths.raw() / study(n))
               || fs::exists(paths.participants() / fmt::format("TESTID{}", n))
               || fs::exists(paths.srs() / "Vendor" / study(n));
    }
    [[nodiscard]] int count() const
    {
        int there = 0;
        for (int n = 0; n < studies; ++n) {
            there += is_there(n) ? 1 : 0;
        }
        return there;
    }

    Site site;
    Paths paths;
    SmallDisk data; ///< in memory: a disk takes minutes to give up so many links
    SmallDisk disk;
};

} // namespace

TEST_CASE(
    "a site of 200,000 links and 3,000 studies: old studies and stale links are cleared in time")
{
    LargeSite large;
    if (!large.disk.is_mounted()) {
        skip("only root mounts a small disk");
        return;
    }
    large.site.start_redcap();
    large.record();

    // Room: the oldest unassigned, no more than needed.
    const auto cleared = large.site.run("fiona-clear-old", {"--max-used", "70", "--json"});
    REQUIRE(cleared.exit_code == EX_OK);
    const auto report = json::parse(cleared.out, "the report");
    const auto removed = report.find("removed")->integer();
    CHECK(report.find("used_before")->integer() > 70);
    CHECK(report.find("used_after")->integer() <= 70);
    CHECK(removed > 100);
    auto left = removed;
    for (int n = 0; n < studies; ++n) {
        const bool goes = !LargeSite::is_assigned(n) && left-- > 0;
        if (large.is_there(n) == goes) {
            FAIL("study " << n << (goes ? " is still there" : " is gone"));
        }
    }

    // A hundred studies lose their objects by another hand: 6,800 links lead nowhere.
    for (int n = studies - 100; n < studies; ++n) {
        fs::remove_all(large.paths.archive() / ("scp_" + study(n)));
    }
    const auto started = std::chrono::steady_clock::now();
    const auto swept = large.site.run("fiona-clear-stale-links", {"--json"});
    const auto elapsed = std::chrono::steady_clock::now() - started;
    REQUIRE(swept.exit_code == EX_OK);
    CHECK(json::parse(swept.out, "the report").find("removed")->integer() == 100 * (images + 2));
    CHECK(elapsed < std::chrono::seconds{10});
    std::cout << "fiona-clear-stale-links: "
              << std::chrono::duration_cast<std::chrono::milliseconds>(elapsed).count() << " ms\n";
    const auto there = studies - static_cast<int>(removed) - 100;
    CHECK(large.count() == there);

    // The disk of the archive is away: an empty mount point.
    large.disk.unmount();
    for (const auto* const tool : {"fiona-clear-old", "fiona-clear-stale-links"}) {
        const auto refused = large.site.run(tool);
        CAPTURE(tool, refused.err);
        CHECK(refused.exit_code == EX_NOINPUT);
        CHECK_THAT(refused.err, Contains("is its disk mounted?"));
    }
    CHECK(large.count() == there);
}
