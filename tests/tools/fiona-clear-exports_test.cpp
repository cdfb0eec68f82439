// SPDX-License-Identifier: MIT
#include "libfiona/base/json.h"
#include "tests/support/refused_command.h"
#include "tests/support/run_tool.h"
#include "tests/support/site.h"
#include "tests/support/skip.h"
#include "tests/support/small_disk.h"

#include <catch2/catch.hpp>

#include <sysexits.h>

#include <fstream>
#include <set>

using namespace fiona;
using Catch::Matchers::Contains;
namespace fs = std::filesystem;

namespace {

constexpr auto tool = "fiona-clear-exports";

/// A site whose exports have a small disk of their own, nearly full of packages; 0 is the oldest.
struct FullExports {
    explicit FullExports(int packages)
        : base{site.config().paths.export_root / "Export"}, disk{base.parent_path(), "4m"}
    {
        fs::create_directories(base / "files");
        for (int n = 0; n < packages; ++n) {
            put(fmt::format("{}.zip", n), 180'000, std::chrono::hours{100 - n});
            put(fmt::format("{}.md5", n), 50, std::chrono::hours{100 - n});
        }
        fs::create_directories(base / "tmp_1/e");
        for (const auto* const name : {"tmp_1/e", "tmp_1"}) {
            fs::last_write_time(base / name,
                                fs::file_time_type::clock::now() - std::chrono::hours{50});
        }
    }
    void put(const std::string& name, std::size_t bytes, std::chrono::hours age) const
    {
        std::ofstream{base / "files" / name} << std::string(bytes, 'x');
        fs::last_write_time(base / "files" / name, fs::file_time_type::clock::now() - age);
    }
    [[nodiscard]] std::size_t count() const
    {
        return static_cast<std::size_t>(
            std::distance(fs::directory_iterator{base / "files"}, fs::directory_iterator{}));
    }
    [[nodiscard]] bool is_possible() const
    {
        if (!disk.is_mounted()) {
            skip("only root mounts a small disk");
        }
        return disk.is_mounted();
    }

    Site site;
    fs::path base;
    SmallDisk disk;
};

} // namespace

TEST_CASE("fiona-clear-exports: makes room by the oldest packages, a second run does nothing")
{
    const FullExports full{21};
    if (!full.is_possible()) {
        return;
    }

    const auto first = full.site.run(tool, {"--json"});
    const auto second = full.site.run(tool);

    CHECK(first.exit_code == EX_OK);
    const auto report = json::parse(first.out, "the report");
    CHECK(report.find("used_before")->integer() > 90);
    CHECK(report.find("used_after")->integer() <= 90);
    CHECK(report.find("bytes")->integer() > 180'000);
    CHECK_FALSE(fs::exists(full.base / "tmp_1"));
    CHECK_FALSE(fs::exists(full.base / "files/0.zip"));
    CHECK_FALSE(fs::exists(full.base / "files/0.md5"));
    CHECK(fs::exists(full.base / "files/20.zip"));
    CHECK(second.exit_code == EX_OK);
    CHECK_THAT(second.out, Contains("removed 0 items"));
}

TEST_CASE("fiona-clear-exports: a dry run says the same and changes nothing")
{
    const FullExports full{21};
    if (!full.is_possible()) {
        return;
    }
    const auto said = full.site.run(tool, {"--dry-run", "--json"});

    CHECK(full.count() == 42);
    CHECK(fs::exists(full.base / "tmp_1/e"));
    const auto done = full.site.run(tool, {"--json"});
    CHECK(json::parse(said.out, "a").find("removed")->array().size()
          == json::parse(done.out, "b").find("removed")->array().size());
}

TEST_CASE("fiona-clear-exports: one item that cannot go does not keep the others")
{
    const FullExports full{21};
    if (!full.is_possible()) {
        return;
    }
    fs::create_directories(full.base / "tmp_2");
    const SmallDisk mounted{full.base / "tmp_2/inside", "64k"};
    fs::last_write_time(full.base / "tmp_2",
                        fs::file_time_type::clock::now() - std::chrono::hours{50});

    const auto run = full.site.run(tool);

    CHECK(run.exit_code == EX_DATAERR);
    CHECK_THAT(run.err, Contains("event=export_not_removed") && Contains("mount point"));
    CHECK_FALSE(fs::exists(full.base / "tmp_1"));
    CHECK_FALSE(fs::exists(full.base / "files/0.zip"));
}

TEST_CASE("fiona-clear-exports: a wrong command line is 64, a base that is away 66")
{
    for (const auto* const wrong :
         {"--max-used=0", "--tmp-age-min=0", "--keep-days-7z=-1", "--x"}) {
        CAPTURE(wrong);
        CHECK(answer_to_wrong_command(tool, {wrong}) == "refused");
    }
    const Site site;
    CHECK(site.run(tool, {"--base", "/nonexistent/Export"}).exit_code == EX_NOINPUT);
}

TEST_CASE("fiona-clear-exports: 2 when something else fills the disk")
{
    const FullExports full{1};
    if (!full.is_possible()) {
        return;
    }
    std::ofstream{full.base / "of somebody else"} << std::string(3'900'000, 'x');

    const auto run = full.site.run(tool);

    CHECK(run.exit_code == 2);
    CHECK_THAT(run.err, Contains("event=disk_full_for_another_reason"));
    CHECK(fs::exists(full.base / "of somebody else"));
}

TEST_CASE("fiona-clear-exports: killed half-way, run again: no package without its zip, none half")
{
    const FullExports full{21};
    if (!full.is_possible()) {
        return;
    }
    {
        Background run{tool,
                       {"--max-used", "1", "--config", full.site.config_file().native()},
                       full.site.root() / "log"};
        REQUIRE(wait_until([&] { return !run.runs() || full.count() < 30; }));
        run.kill();
    }

    CHECK(full.site.run(tool, {"--max-used", "1"}).exit_code == EX_OK);

    CHECK(full.count() == 0);
}
