// SPDX-License-Identifier: MIT
#include "libfiona/base/files.h"
#include "libfiona/redcap/incoming.h"
#include "libfiona/store/disk_space.h"
#include "libfiona/store/requests.h"
#include "libfiona/store/spool.h"
#include "tests/support/refused_command.h"
#include "tests/support/run_tool.h"
#include "tests/support/site.h"
#include "tests/support/skip.h"
#include "tests/support/small_disk.h"
#include "tests/support/sorted_site.h"

#include <catch2/catch.hpp>

#include <sysexits.h>

#include <algorithm>
#include <csignal>
#include <fstream>
#include <random>
#include <set>

using namespace fiona;
using Catch::Matchers::Contains;
namespace fs = std::filesystem;

namespace {

constexpr auto tool = "fiona-clear-old";
constexpr int goal_not_reached = 2;

StudyUid study(int number)
{
    return StudyUid{fmt::format("1.2.826.0.1.3680043.2.1125.{}", number)};
}

bool cannot_run()
{
    if (has_tool("fiona-redcapd")) {
        return false;
    }
    skip("fiona-redcapd is not built");
    return true;
}

std::set<std::string> everything(const fs::path& root)
{
    std::set<std::string> names;
    for (const auto& entry : fs::recursive_directory_iterator{root}) {
        names.insert(entry.path().native());
    }
    return names;
}

/// A site with its REDCap and many old studies, all recorded; study 1 is the oldest. Its archive is on
/// a small disk if there may be one.
struct OldSite {
    explicit OldSite(int studies, std::size_t object_bytes = 500'000)
        : paths{site.config().paths}, disk{paths.data, "16m"}
    {
        site.start_redcap();
        for (const auto& directory : site::directories(paths)) {
            fs::create_directories(directory.path);
        }
        const store::Spool spool{paths.spool()};
        std::vector<redcap::Row> rows;
        for (int n = 1; n <= studies; ++n) {
            add(n, object_bytes);
            const auto uid = study(n).str();
            rows.push_back({uid, {}, {}, 0, {{"study_description", "MR"}}});
            rows.push_back({uid, {}, "series", 1, {{"series_instance_uid", uid + ".1"}}});
        }
        client = site.client(redcap::Role::incoming);
        client->import_records(rows, redcap::Overwrite::normal);
    }

    void add(int n, std::size_t object_bytes) const
    {
        const auto uid = study(n).str();
        sort_object(paths, uid, uid + ".1", uid + ".1.1");
        store::StudyTree{paths}.link_participant(Private<std::string>{fmt::format("TESTID{}", n)},
                                                 "20240102", "101500", study(n));
        std::ofstream{archived(n) / ("MR." + uid + ".1.1")} << std::string(object_bytes, 'x');
        const auto when = fs::file_time_type::clock::now() - std::chrono::hours{24 * 30}
                          + std::chrono::minutes{n};
        fs::last_write_time(archived(n) / ("MR." + uid + ".1.1"), when);
        fs::last_write_time(archived(n), when);
    }
    [[nodiscard]] fs::path archived(int n) const
    {
        return paths.archive() / ("scp_" + study(n).str());
    }
    void assign(int n) const
    {
        client->import_records({{study(n).str(),
                                 {},
                                 "transfers",
                                 1,
                                 {{"transfer_project_name", "DEMO"},
                                  {"transfer_name", "DEMO_0001"},
                                  {"transfer_requested_date", "2024-01-02 10:30"}}}},
                               redcap::Overwrite::normal);
    }
    [[nodiscard]] std::set<int> there(int most) const
    {
        std::set<int> found;
        for (int n = 1; n <= most; ++n) {
            if (fs::exists(archived(n)) || fs::exists(paths.raw() / study(n).str())) {
                found.insert(n);
            }
        }
        return found;
    }
    /// False where there may be no small disk; the reason is printed.
    [[nodiscard]] bool has_own_disk() const
    {
        if (!disk.is_mounted()) {
            skip("only root mounts a small disk");
        }
        return disk.is_mounted();
    }

    Site site;
    Paths paths;
    SmallDisk disk;
    std::unique_ptr<redcap::Client> client;
};

} // namespace

TEST_CASE("fiona-clear-old: makes room by the oldest unassigned studies, a second run does nothing")
{
    if (cannot_run()) {
        return;
    }
    constexpr int studies = 28;
    const OldSite old{studies}; // 14 of 16 MiB
    if (!old.has_own_disk()) {
        return;
    }
    old.assign(1);
    old.assign(3);

    const auto first = old.site.run(tool, {"--json"});
    const auto second = old.site.run(tool, {"--json"});

    CHECK(first.exit_code == EX_OK);
    const auto report = json::parse(first.out, "the report");
    CHECK(report.find("used_before")->integer() > 80);
    CHECK(report.find("used_after")->integer() <= 80);
    CHECK(report.find("goal_reached")->boolean());
    const auto gone = static_cast<std::size_t>(report.find("removed")->integer());
    CHECK(report.find("bytes")->integer() >= static_cast<std::int64_t>(gone) * 500'000);
    REQUIRE(gone > 1);
    std::set<int> expected{1, 3};
    for (int n = 2, left = static_cast<int>(gone); n <= studies; ++n) {
        if (n != 3 && left-- <= 0) {
            expected.insert(n);
        }
    }
    CHECK(old.there(studies) == expected);
    CHECK(old.there(studies).contains(studies));
    CHECK_THAT(first.out + first.err, !Contains("TESTID") && !Contains(study(2).str()));
    CHECK(second.exit_code == EX_OK);
    CHECK(json::parse(second.out, "the report").find("removed")->integer() == 0);
    CHECK_THAT(read_file(old.paths.status() / "clear-old.json"), Contains("\"state\": \"ok\""));
}

TEST_CASE("fiona-clear-old: its first run on a disk that is full to the last block makes room")
{
    if (cannot_run()) {
        return;
    }
    const OldSite old{28};
    if (!old.has_own_disk()) {
        return;
    }
    {
        std::ofstream filler{old.paths.data / "filler", std::ios::binary};
        while (filler << std::string(4096, 'x') && filler.flush()) {
        }
    }
    REQUIRE(store::disk_space(old.paths.data).free_bytes == 0);

    const auto first = old.site.run(tool, {});
    const auto second = old.site.run(tool, {});

    CAPTURE(first.err);
    CHECK(first.exit_code == EX_OK);
    CHECK(old.there(28).size() < 28);
    CHECK(second.exit_code == EX_OK);
    CHECK(fs::exists(old.paths.archive() / ".fiona-archive"));
}

TEST_CASE("fiona-clear-old: a dry run says what would go and changes nothing")
{
    if (cannot_run()) {
        return;
    }
    const OldSite old{4};
    const auto before = everything(old.paths.data);

    const auto run =
        old.site.run(tool, {"--dry-run", "--max-used", "1", "--emergency-used", "100"});

    CHECK((run.exit_code == EX_OK || run.exit_code == goal_not_reached)); // on a larger disk
    CHECK_THAT(run.out, Contains("would remove 4 of 4 studies"));
    CHECK(everything(old.paths.data) == before);
    CHECK_FALSE(fs::exists(old.paths.state() / "redcap-mirror.sqlite"));
}

TEST_CASE("fiona-clear-old: one study that cannot go does not keep the others")
{
    if (cannot_run()) {
        return;
    }
    OldSite old{3};
    const SmallDisk mounted{old.archived(1) / "inside", "64k"};
    if (!mounted.is_mounted()) {
        skip("only root mounts a small disk");
        return;
    }
    fs::create_directories(old.paths.raw() / study(1).str() / (study(1).str() + ".1"));
    fs::create_symlink(old.archived(1) / "inside",
                       old.paths.raw() / study(1).str() / (study(1).str() + ".1") / "inside");
    const auto when = fs::file_time_type::clock::now() - std::chrono::hours{24 * 30};
    fs::last_write_time(old.archived(1) / "inside", when);
    fs::last_write_time(old.archived(1), when);

    const auto run = old.site.run(tool, {"--max-used", "1"});

    CHECK(run.exit_code != EX_OK);
    CHECK(old.there(3).empty()); // the first is in the trash: nobody sees it any more
    CHECK_THAT(run.err, Contains("event=study_not_removed") && Contains("mount point"));
}

TEST_CASE("fiona-clear-old: a wrong command line is 64")
{
    for (const auto* const wrong : {"--max-used=0", "--max-used=101", "--min-age-h=0", "--x"}) {
        CAPTURE(wrong);
        CHECK(answer_to_wrong_command(tool, {wrong}) == "refused");
    }
}

TEST_CASE("fiona-clear-old: nothing goes when REDCap, the archive or the requests are away")
{
    if (cannot_run()) {
        return;
    }
    OldSite old{3};
    std::vector<std::string> words{"--max-used", "1"};
    SECTION("REDCap")
    {
        old.site.stop_redcap();
        old.site.set_redcap("deadline", 1);
        const auto run = old.site.run(tool, words);
        CHECK(run.exit_code == EX_TEMPFAIL);
        CHECK_THAT(run.err, Contains("nothing is removed: REDCap cannot say"));
    }
    SECTION("the disk of the archive, empty mount point")
    {
        REQUIRE(old.site.run(tool, {"--max-used", "99"}).exit_code == EX_OK); // knows its archive
        fs::rename(old.paths.archive(), old.paths.site() / "elsewhere");
        fs::create_directory(old.paths.archive());
        const auto run = old.site.run(tool, words);
        CHECK(run.exit_code == EX_NOINPUT);
        CHECK_THAT(run.err, Contains("is its disk mounted?"));
        fs::remove(old.paths.archive());
        fs::rename(old.paths.site() / "elsewhere", old.paths.archive());
    }
    SECTION("the archive")
    {
        fs::rename(old.paths.archive(), old.paths.site() / "elsewhere");
        CHECK(old.site.run(tool, words).exit_code == EX_NOINPUT);
        fs::rename(old.paths.site() / "elsewhere", old.paths.archive());
    }
    SECTION("the requests")
    {
        fs::rename(old.paths.requests(), old.paths.processing / "elsewhere");
        const auto run = old.site.run(tool, words);
        CHECK(run.exit_code == EX_NOINPUT);
        CHECK_THAT(run.err, Contains("the transfer requests"));
    }
    CHECK(old.there(3) == std::set{1, 2, 3});
}

TEST_CASE(
    "fiona-clear-old: killed half-way, run again: every study whole or gone, the assigned there")
{
    if (cannot_run()) {
        return;
    }
    std::random_device seed;
    std::mt19937 random{seed()};
    for (int round = 0; round < 5; ++round) {
        const OldSite old{19};
        old.assign(2);
        const std::vector<std::string> words{"--max-used", "1", "--config",
                                             old.site.config_file().native()};
        const auto stop_at = random() % 18;
        CAPTURE(round, stop_at);
        {
            Background run{tool, words, old.site.root() / "log"};
            static_cast<void>(
                wait_until([&] { return !run.runs() || old.there(19).size() <= 19 - stop_at; }));
            run.kill();
        }

        CHECK(old.site.run(tool, {"--max-used", "1"}).exit_code == goal_not_reached);

        CHECK(old.there(19) == std::set{2});
        CHECK(fs::is_empty(old.paths.archive() / ".trash"));
        CHECK(fs::is_empty(old.paths.raw() / ".trash"));
        // One link. A kill between a link and its person's directory leaves the directory, empty, to
        // fiona-clear-stale-links.
        CHECK(std::ranges::count_if(fs::recursive_directory_iterator{old.paths.participants()},
                                    [](const auto& entry) { return entry.is_symlink(); })
              == 1);
    }
}
