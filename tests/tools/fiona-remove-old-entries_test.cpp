// SPDX-License-Identifier: MIT
#include "libfiona/base/dates.h"
#include "libfiona/base/file_lock.h"
#include "libfiona/base/files.h"
#include "libfiona/base/json.h"
#include "libfiona/store/atomic_file.h"
#include "tests/support/jumped_clock.h"
#include "tests/support/refused_command.h"
#include "tests/support/run_tool.h"
#include "tests/support/temp_dir.h"

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include <sysexits.h>

using namespace fiona;
using Catch::Matchers::Contains;
namespace fs = std::filesystem;

namespace {

std::string line(std::chrono::hours age, const std::string& study)
{
    return fmt::format("{} SCANNER FIONA ct1 {} 2 MR\n", epoch_seconds(Clock::now() - age), study);
}

/// A site with a list of one fresh and one old study.
struct Site {
    TempDir root;
    fs::path config = root / "config.json";
    fs::path list = root / "var/www/html/applications/Assign/incoming.txt";
    std::string fresh = line(std::chrono::hours{2}, "1.2.3");
    std::string old = line(std::chrono::hours{8 * 24}, "1.2.826.0.1.3680043.8.498.4");

    Site()
    {
        store::write_file(config, fmt::format(R"({{"ROOT": "{}"}})", root.path.native()));
        fs::create_directories(list.parent_path());
        store::write_file(list, old + fresh);
    }
    // NOLINTNEXTLINE(modernize-use-nodiscard) some calls are made for their effect
    Outcome tool(std::vector<std::string> arguments = {}) const
    {
        arguments.insert(arguments.begin(), {"--config", config});
        return run_tool("fiona-remove-old-entries", arguments);
    }
};

} // namespace

TEST_CASE("fiona-remove-old-entries: an old study goes, a second run does nothing")
{
    const Site site;

    const auto first = site.tool();
    const auto written = fs::last_write_time(site.list);
    const auto second = site.tool({"--json"});

    CHECK(first.exit_code == EX_OK);
    CHECK(first.out == "kept 1, removed 1, unreadable kept 0, unreadable removed 0\n");
    CHECK_THAT(first.err, Contains("study=#") && !Contains("498.4"));
    CHECK(read_file(site.list) == site.fresh);
    CHECK(second.exit_code == EX_OK);
    CHECK(json::parse(second.out, "out").text("removed") == "0");
    CHECK(fs::last_write_time(site.list) == written);
}

TEST_CASE("fiona-remove-old-entries: days and file are a matter of options")
{
    const Site site;
    const auto other = site.root / "other.txt";
    store::write_file(other, site.old + site.fresh);

    CHECK_THAT(site.tool({"--days", "9"}).out, Contains("removed 0"));
    const auto run =
        run_tool("fiona-remove-old-entries", {"--config", "/none", "--file", other.native()});

    CHECK(run.exit_code == EX_OK);
    CHECK(read_file(other) == site.fresh);
    CHECK(read_file(site.list) == site.old + site.fresh);
}

TEST_CASE("fiona-remove-old-entries: a dry run counts and changes nothing")
{
    const Site site;

    CHECK_THAT(site.tool({"-n"}).out, Contains("kept 1, removed 1"));

    CHECK(read_file(site.list) == site.old + site.fresh);
    CHECK_FALSE(fs::exists(site.list.native() + ".lock"));
}

TEST_CASE("fiona-remove-old-entries: no list is an empty list")
{
    const Site site;
    fs::remove(site.list);

    CHECK(site.tool().exit_code == EX_OK);
    CHECK_FALSE(fs::exists(site.list));
}

TEST_CASE("fiona-remove-old-entries: a line without a time is told and kept, exit 65")
{
    const Site site;
    store::write_file(site.list, site.old + "\nDOE^JANE was here\n" + site.fresh);

    const auto run = site.tool();

    CHECK(run.exit_code == EX_DATAERR);
    CHECK_THAT(run.err, Contains("event=entries_unreadable") && !Contains("JANE"));
    CHECK(read_file(site.list) == "DOE^JANE was here\n" + site.fresh);
}

TEST_CASE("fiona-remove-old-entries: a list that is named and not there is exit 66")
{
    const Site site;
    const auto entries = read_file(site.list);

    CHECK(site.tool({"--file", "/no/such/list"}).exit_code == EX_NOINPUT);

    CHECK(read_file(site.list) == entries); // not the site's own instead
}

TEST_CASE("fiona-remove-old-entries: a wrong command line is exit 64")
{
    const auto* const days = GENERATE("0", "-1", "soon", "40000");
    CHECK(answer_to_wrong_command("fiona-remove-old-entries", {"--days", days}) == "refused");
    CHECK(answer_to_wrong_command("fiona-remove-old-entries", {"all"}) == "refused");
}

TEST_CASE(
    "fiona-remove-old-entries: killed half-way, every fresh line is there, and a next run ends it")
{
    const Site site;
    std::string fresh;
    std::string all;
    for (unsigned i = 0; i < 20'000; ++i) {
        const auto study = fmt::format("1.2.{}", i);
        fresh += line(std::chrono::hours{2}, study);
        all += site.old + fresh.substr(fresh.rfind('\n', fresh.size() - 2) + 1);
    }
    store::write_file(site.list, all);
    const auto is_writing = [&] {
        for (const auto& entry : fs::directory_iterator{site.list.parent_path()}) {
            if (entry.path().extension() == ".part") {
                return true;
            }
        }
        return false;
    };

    run_tool_and_kill("fiona-remove-old-entries", {"--config", site.config}, {}, is_writing);

    const auto left = read_file(site.list);
    CHECK((left == all || left == fresh));
    CHECK(site.tool().exit_code == EX_OK);
    CHECK(read_file(site.list) == fresh);
}

TEST_CASE("fiona-remove-old-entries: a clock that has jumped makes no study old")
{
    const Site site;
    const auto paths = Config::load(site.config).paths;
    let_clock_jump(paths, "remove-old-entries");

    const auto run = site.tool();

    CHECK(run.exit_code == EX_TEMPFAIL);
    CHECK_THAT(run.err, Contains("the clock has jumped"));
    CHECK(read_file(site.list) == site.old + site.fresh);
    fs::remove(paths.status() / "clock-remove-old-entries.json");
    CHECK(site.tool().exit_code == EX_OK);
    CHECK(read_file(site.list) == site.fresh);
}
