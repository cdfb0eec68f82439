// SPDX-License-Identifier: MIT
#include "libfiona/base/file_lock.h"
#include "libfiona/base/files.h"
#include "libfiona/base/json.h"
#include "libfiona/redcap/projects.h"
#include "tests/support/refused_command.h"
#include "tests/support/row_site.h"

#include <catch2/catch.hpp>

#include <sysexits.h>

#include <algorithm>

using namespace fiona;
using Catch::Matchers::Contains;
using redcap::Role;

namespace {

constexpr auto tool = "fiona-populate-projects";

std::vector<redcap::Row> demo_rows(const RowSite& rows)
{
    const auto dtp = rows.client(Role::dtp);
    const auto project = redcap::research_project(*dtp, ProjectName{"DEMO"});
    return redcap::connect(rows.site.config.redcap, project.token.value())->export_records({});
}

std::size_t images(const RowSite& rows)
{
    const auto all = demo_rows(rows);
    return static_cast<std::size_t>(std::ranges::count(all, "imaging", &redcap::Row::instrument));
}

/// Studies are made by what populate-incoming writes before there are transfers.
void put_transfers(const RowSite& rows, const std::vector<redcap::Row>& transfers)
{
    std::vector<redcap::Row> all;
    for (const auto& transfer : transfers) {
        all.push_back(RowSite::row(transfer.record, {{"study_description", "MR"}}));
        all.push_back(transfer);
    }
    rows.put(Role::incoming, all);
}

} // namespace

TEST_CASE("fiona-populate-projects: the project's REDCap has what was transferred, once")
{
    const RowSite rows;
    put_transfers(rows, {RowSite::transferred("1.2.1", "DEMO_001"),
                         RowSite::transferred("1.2.2", "DEMO_001", "week_12_arm_1"),
                         RowSite::transferred("1.2.3", "DEMO_002", "")});

    const auto first = rows.site.run(tool, {"--json"});
    const auto second = rows.site.run(tool, {"--json"});
    const auto all_again = rows.site.run(tool, {"--json", "--project", "DEMO"});

    CAPTURE(first.err);
    CHECK(first.exit_code == EX_OK);
    CHECK(json::parse(first.out, "result").find("images_created")->integer() == 3);
    CHECK(images(rows) == 3);
    CHECK(json::parse(second.out, "result").find("unchanged")->integer() == 1);
    CHECK(json::parse(all_again.out, "result").find("images_created")->integer() == 0);
    CHECK(json::parse(all_again.out, "result").find("participants_created")->integer() == 0);
    CHECK(images(rows) == 3);
    const auto all = demo_rows(rows);
    CHECK(std::ranges::count_if(all,
                                [](const redcap::Row& row) {
                                    return row.record == "DEMO_001"
                                           && row.value("first_name") == "DEMO_001";
                                })
          == 2); // Baseline and Week 12
    CHECK_THAT(first.out + first.err, !Contains("DEMO_00"));
}

TEST_CASE("fiona-populate-projects: a dry run changes nothing")
{
    const RowSite rows;
    put_transfers(rows, {RowSite::transferred("1.2.1", "DEMO_001")});

    const auto run = rows.site.run(tool, {"--dry-run"});

    CHECK(run.exit_code == EX_OK);
    CHECK_THAT(run.out, Contains("1 studies would be entered"));
    CHECK(demo_rows(rows).empty());
    CHECK_FALSE(std::filesystem::exists(rows.site.config.paths.state() / "populate-projects.json"));
}

TEST_CASE("fiona-populate-projects: an event that is not there is one bad transfer among good ones")
{
    const RowSite rows;
    put_transfers(rows, {RowSite::transferred("1.2.1", "DEMO_001", "Week 99"),
                         RowSite::transferred("1.2.2", "DEMO_002")});

    const auto run = rows.site.run(tool, {});

    CHECK(run.exit_code == EX_DATAERR);
    CHECK_THAT(run.err, Contains("event=project_not_told") && Contains("Week 12"));
    CHECK(images(rows) == 1);
}

TEST_CASE("fiona-populate-projects: bad command lines and a second run at the same time")
{
    CHECK(answer_to_wrong_command(tool, {"--no-such-option"}) == "refused");
    CHECK(run_tool(tool, {"--config", "/nonexistent/config.json"}).exit_code == EX_CONFIG);
    const RowSite rows;
    make_directories(rows.site.config.paths.pids());
    const FileLock held{rows.site.config.paths.pids() / "fiona-populate-projects.lock"};
    CHECK(rows.site.run(tool, {}).exit_code == EX_TEMPFAIL);
}

TEST_CASE("fiona-populate-projects: killed half-way, run again: one instance for each study")
{
    const RowSite rows;
    std::vector<redcap::Row> transfers;
    for (int i = 0; i < 300; ++i) {
        transfers.push_back(
            RowSite::transferred(fmt::format("1.2.{}", i + 1), fmt::format("DEMO_{:03}", i)));
    }
    put_transfers(rows, transfers);
    for (int kills = 0; kills < 2; ++kills) {
        static_cast<void>(run_tool_and_kill(tool, rows.with_config({}), rows.site.environment(),
                                            [&] { return !demo_rows(rows).empty(); }));
    }

    const auto last = rows.site.run(tool, {});

    CAPTURE(last.err);
    CHECK(last.exit_code == EX_OK);
    CHECK(images(rows) == 300);
}
