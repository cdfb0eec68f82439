// SPDX-License-Identifier: MIT
#include "libfiona/base/files.h"
#include "tests/support/inventory_site.h"
#include "tests/support/jumped_clock.h"

#include <catch2/catch.hpp>

#include <sysexits.h>

using namespace fiona;
using Catch::Contains;

namespace {

const std::string tool = "fiona-what-is-not-in-ids7";

/// A table of `rows` studies; the PACS has all of them but the first `gone`.
class World {
public:
    explicit World(int rows, int gone)
        : finder{archive_of([&] {
              auto studies = inventory_archive(rows);
              studies.erase(studies.begin(), studies.begin() + gone);
              return studies;
          }())},
          site{finder.port()}
    {
        site.start_redcap();
        std::vector<redcap::Row> table;
        for (int i = 0; i < rows; ++i) {
            table.push_back(
                {fmt::format("2.25.{}", i), "", "", 0, {{"ids7_patient_id", "DEMO_0001"}}});
        }
        site.client(redcap::Role::ids7)->import_records(table, redcap::Overwrite::normal);
    }

    [[nodiscard]] std::filesystem::path memory() const
    {
        return site.config().paths.state() / "not-in-ids7.tsv";
    }

    ScriptedFinder finder;
    InventorySite site;
};

} // namespace

TEST_CASE("fiona-what-is-not-in-ids7: a confirmed row goes, a second run has nothing to do")
{
    World world{60, 1};
    CHECK(world.site.run(tool, {"--force"}).exit_code == EX_OK);
    CHECK(world.site.table().size() == 60);
    world.site.set("INVENTORY", json::Object{{"confirm_hours", 0}}); // as if it were tomorrow

    const auto run = world.site.run(tool, {"--force", "--json"});

    INFO(run.err);
    CHECK(run.exit_code == EX_OK);
    CHECK(json::parse(run.out, "output").find("deleted")->array().size() == 1);
    CHECK(world.site.table().size() == 59);
    CHECK(json::parse(world.site.run(tool, {"--force", "--json"}).out, "output")
              .find("deleted")
              ->array()
              .empty());
}

TEST_CASE("fiona-what-is-not-in-ids7: without --force nothing is deleted or remembered")
{
    World world{60, 1};
    world.site.set("INVENTORY", json::Object{{"confirm_hours", 0}});

    const auto run = world.site.run(tool);

    CHECK(run.exit_code == EX_OK);
    CHECK_THAT(run.out, Contains("1 missing and waiting"));
    CHECK_FALSE(std::filesystem::exists(world.memory()));
    CHECK(world.site.table().size() == 60);
}

TEST_CASE("fiona-what-is-not-in-ids7: more than the limits stops it, --max-delete allows it")
{
    World world{60, 20};
    world.site.set("INVENTORY", json::Object{{"confirm_hours", 0}});
    CHECK(world.site.run(tool, {"--force"}).exit_code == EX_OK); // the first look

    const auto stopped = world.site.run(tool, {"--force"});
    CHECK(stopped.exit_code == EX_DATAERR);
    CHECK_THAT(stopped.err, Contains("--max-delete 20"));
    CHECK(world.site.table().size() == 60);

    CHECK(world.site.run(tool, {"--force", "--max-delete", "20"}).exit_code == EX_OK);
    CHECK(world.site.table().size() == 40);
}

TEST_CASE("fiona-what-is-not-in-ids7: a record that is no study is left, the others are looked at")
{
    World world{60, 0};
    world.site.client(redcap::Role::ids7)
        ->import_records({{"note", "", "", 0, {{"ids7_patient_id", "x"}}}},
                         redcap::Overwrite::normal);

    const auto run = world.site.run(tool, {"--force", "--json"});

    CHECK(run.exit_code == EX_DATAERR);
    CHECK(json::parse(run.out, "output").find("present")->integer() == 60);
}

TEST_CASE("fiona-what-is-not-in-ids7: a bad command line is 64, a dead PACS deletes nothing")
{
    World world{10, 0};

    CHECK(world.site.run(tool, {"--force", "--dry-run"}).exit_code == EX_USAGE);
    CHECK(world.site.run(tool, {"--max-delete", "all"}).exit_code == EX_USAGE);
    world.site.set("RESEARCH_PACS", json::Object{{"host", "127.0.0.1"},
                                                 {"port", free_port()},
                                                 {"aet", "RESEARCH"},
                                                 {"timeout", 2}});
    CHECK(world.site.run(tool, {"--force"}).exit_code == EX_UNAVAILABLE);
    CHECK(world.site.table().size() == 10);
}

TEST_CASE("fiona-what-is-not-in-ids7: killed half-way, the next run ends what it began")
{
    World world{400, 10};
    world.site.set("INVENTORY", json::Object{{"confirm_hours", 0}});
    CHECK(world.site.run(tool, {"--force"}).exit_code == EX_OK);
    const auto asked = world.finder.queries();

    run_tool_and_kill(tool, {"--force", "--config", world.site.config_file().native()}, {},
                      [&] { return world.finder.queries() > asked + 3; });
    CHECK(world.site.run(tool, {"--force"}).exit_code == EX_OK);

    CHECK(world.site.table().size() == 390);
}

TEST_CASE("fiona-what-is-not-in-ids7: a clock that has jumped makes no look the second one")
{
    World world{60, 1};
    CHECK(world.site.run(tool, {"--force"}).exit_code == EX_OK);
    world.site.set("INVENTORY", json::Object{{"confirm_hours", 0}});
    std::filesystem::remove_all(world.site.config().paths.status());
    let_clock_jump(world.site.config().paths, "what-is-not-in-ids7");

    const auto run = world.site.run(tool, {"--force"});

    CHECK(run.exit_code == EX_TEMPFAIL);
    CHECK_THAT(run.err, Contains("the clock has jumped"));
    CHECK(world.site.table().size() == 60);
}
