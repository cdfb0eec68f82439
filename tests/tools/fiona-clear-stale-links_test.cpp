// SPDX-License-Identifier: MIT
#include "libfiona/base/json.h"
#include "tests/support/refused_command.h"
#include "tests/support/run_tool.h"
#include "tests/support/site.h"
#include "tests/support/sorted_site.h"

#include <catch2/catch.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <sysexits.h>

#include <array>
#include <set>

using namespace fiona;
using Catch::Matchers::Contains;
namespace fs = std::filesystem;

namespace {

constexpr auto tool = "fiona-clear-stale-links";

/// Everything below, with the links themselves, two hours old.
void age_all(const fs::path& root)
{
    const auto when = Clock::to_time_t(Clock::now() - std::chrono::hours{2});
    const std::array<timespec, 2> times{timespec{when, 0}, timespec{when, 0}};
    for (const auto& entry : fs::recursive_directory_iterator{root}) {
        ::utimensat(AT_FDCWD, entry.path().c_str(), times.data(), AT_SYMLINK_NOFOLLOW);
    }
}

std::set<std::string> everything(const fs::path& root)
{
    std::set<std::string> names;
    for (const auto& entry : fs::recursive_directory_iterator{root}) {
        names.insert(entry.path().native());
    }
    return names;
}

/// Two studies; the objects of the first are gone.
struct StaleSite {
    StaleSite() : paths{site.config().paths}
    {
        for (const auto& directory : site::directories(paths)) {
            fs::create_directories(directory.path);
        }
        for (const auto* const uid : {"1.2.3", "1.2.4"}) {
            const auto series = std::string{uid} + ".1";
            sort_object(paths, uid, series, series + ".1");
            store::StudyTree{paths}.link_participant(
                Private<std::string>{std::string{"O'Neill \"$(x)\"; "} + uid}, "20240102", "101500",
                StudyUid{uid});
        }
        fs::remove_all(paths.archive() / "scp_1.2.3");
        age_all(paths.site());
    }

    Site site;
    Paths paths;
};

} // namespace

TEST_CASE("fiona-clear-stale-links: removes what leads nowhere, a second run does nothing")
{
    const StaleSite stale;

    const auto first = stale.site.run(tool, {"--json"});
    const auto second = stale.site.run(tool);

    CHECK(first.exit_code == EX_OK);
    const auto report = json::parse(first.out, "the report");
    CHECK(report.find("removed")->integer() == 2);
    CHECK(report.find("descriptions")->integer() == 1);
    CHECK_FALSE(fs::exists(stale.paths.raw() / "1.2.3"));
    CHECK(fs::exists(stale.paths.raw() / "1.2.4/1.2.4.1/1.2.4.1.1"));
    CHECK(everything(stale.paths.participants()).size() == 2);
    CHECK_THAT(first.out + first.err, !Contains("Neill"));
    CHECK(second.exit_code == EX_OK);
    CHECK_THAT(second.out, Contains("removed 0 links"));
}

TEST_CASE("fiona-clear-stale-links: a dry run changes nothing")
{
    const StaleSite stale;
    const auto before = everything(stale.paths.site());

    const auto run = stale.site.run(tool, {"--dry-run"});

    CHECK(run.exit_code == EX_OK);
    CHECK_THAT(run.out, Contains("would remove 2 links"));
    CHECK(everything(stale.paths.site()) == before);
}

TEST_CASE("fiona-clear-stale-links: one directory that is none of ours does not stop the rest")
{
    const StaleSite stale;
    fs::create_directories(stale.paths.raw() / "1/2/3/4/5/6/7/8/9");

    const auto run = stale.site.run(tool, {"--json"});

    CHECK(run.exit_code == EX_OK);
    CHECK(json::parse(run.out, "the report").find("unknown")->integer() == 1);
    CHECK_FALSE(fs::exists(stale.paths.raw() / "1.2.3"));
}

TEST_CASE("fiona-clear-stale-links: a wrong command line is 64")
{
    for (const auto* const wrong : {"--max-fraction=2", "--min-age-min=0", "--x", "root"}) {
        CAPTURE(wrong);
        CHECK(answer_to_wrong_command(tool, {wrong}) == "refused");
    }
}

TEST_CASE("fiona-clear-stale-links: with the archive away or empty nothing goes")
{
    const StaleSite stale;
    fs::remove_all(stale.paths.archive());
    SECTION("away") {}
    SECTION("empty")
    {
        fs::create_directory(stale.paths.archive());
    }
    const auto before = everything(stale.paths.raw());

    const auto run = stale.site.run(tool);

    CHECK(run.exit_code == EX_NOINPUT);
    CHECK_THAT(run.err, Contains("archive"));
    CHECK(everything(stale.paths.raw()) == before);
}

TEST_CASE("fiona-clear-stale-links: too many stale links are 2, and nothing goes")
{
    const StaleSite stale;
    const auto series = stale.paths.raw() / "1.2.3/1.2.3.1";
    for (int i = 0; i < 1500; ++i) {
        fs::create_symlink("/nowhere", series / fmt::format("1.2.3.{}", i));
    }
    age_all(stale.paths.site());

    const auto run = stale.site.run(tool);

    CHECK(run.exit_code == 2);
    CHECK_THAT(run.err, Contains("event=too_many_stale_links") && Contains("--force"));
    CHECK(fs::is_symlink(series / "1.2.3.7"));
    CHECK(stale.site.run(tool, {"--force"}).exit_code == EX_OK);
    CHECK_FALSE(fs::exists(series));
}

TEST_CASE("fiona-clear-stale-links: killed half-way, run again: living links stay, stale ones go")
{
    const StaleSite stale;
    const auto series = stale.paths.raw() / "1.2.3/1.2.3.1";
    constexpr int links = 3000;
    for (int i = 0; i < links; ++i) {
        fs::create_symlink("/nowhere", series / fmt::format("1.2.3.{}", i));
    }
    age_all(stale.paths.site());
    {
        Background run{tool,
                       {"--force", "--config", stale.site.config_file().native()},
                       stale.site.root() / "log"};
        REQUIRE(wait_until([&] { return !run.runs() || everything(series).size() < links; }));
        run.kill();
    }

    CHECK(stale.site.run(tool, {"--force"}).exit_code == EX_OK);

    CHECK(everything(series).empty()); // it was changed a moment ago: it goes in an hour
    age_all(stale.paths.site());
    CHECK(stale.site.run(tool).exit_code == EX_OK);
    CHECK_FALSE(fs::exists(stale.paths.raw() / "1.2.3"));
    CHECK(fs::exists(stale.paths.raw() / "1.2.4/1.2.4.1/1.2.4.1.1"));
}
