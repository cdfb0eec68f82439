// SPDX-License-Identifier: MIT
#include "libfiona/base/file_lock.h"
#include "libfiona/base/files.h"
#include "libfiona/base/json.h"
#include "tests/support/refused_command.h"
#include "tests/support/row_site.h"

#include <catch2/catch.hpp>

#include <sysexits.h>

#include <set>

using namespace fiona;
using Catch::Matchers::Contains;
using redcap::Role;

namespace {

constexpr auto tool = "fiona-populate-autoid";

std::set<std::string> participants(const RowSite& rows)
{
    std::set<std::string> ids;
    for (const auto& transfer : rows.transfers()) {
        ids.insert(transfer.participant);
    }
    return ids;
}

} // namespace

TEST_CASE("fiona-populate-autoid: patients get one id each, a second run changes nothing")
{
    const RowSite rows;
    rows.put(Role::incoming, {RowSite::arrived("1.2.826.0.1.3680043.2.1125.1", "anna"),
                              RowSite::arrived("1.2.826.0.1.3680043.2.1125.2", "anna"),
                              RowSite::arrived("1.2.826.0.1.3680043.2.1125.3", "berit")});

    const auto first = rows.site.run(tool, {"--json"});
    const auto second = rows.site.run(tool, {"--json"});

    CAPTURE(first.err);
    CHECK(first.exit_code == EX_OK);
    const auto document = json::parse(first.out, "result");
    CHECK(document.find("given")->array().size() == 3);
    CHECK(document.find("new_participants")->integer() == 2);
    CHECK(rows.transfers().size() == 3);
    CHECK(participants(rows).size() == 2);
    CHECK(second.exit_code == EX_OK);
    CHECK(json::parse(second.out, "result").find("pending")->integer() == 0);
    CHECK(json::parse(second.out, "result").find("calls")->integer() <= 4); // a quiet minute
    CHECK(rows.client(Role::autoid)->export_records({}).size() == 2);
    for (const auto& run : {first, second}) {
        for (const auto& id : participants(rows)) {
            CHECK_THAT(run.out + run.err, !Contains(id));
        }
        CHECK_THAT(run.out + run.err, !Contains(sha256_hex("anna")));
    }
}

TEST_CASE("fiona-populate-autoid: a dry run says what it would do and changes nothing")
{
    const RowSite rows;
    rows.put(Role::incoming, {RowSite::arrived("1.2.826.0.1.3680043.2.1125.1", "anna")});

    const auto run = rows.site.run(tool, {"--dry-run"});

    CHECK(run.exit_code == EX_OK);
    CHECK_THAT(run.out, Contains("1 would be requested, 1 new participants"));
    CHECK(rows.transfers().empty());
    CHECK(rows.client(Role::autoid)->export_records({}).empty());
    CHECK_FALSE(std::filesystem::exists(rows.site.config.paths.config() / "autoid.key"));
}

TEST_CASE("fiona-populate-autoid: a study without patient id is refused, the others get theirs")
{
    const RowSite rows;
    rows.put(Role::incoming, {RowSite::arrived("1.2.826.0.1.3680043.2.1125.1", ""),
                              RowSite::arrived("1.2.826.0.1.3680043.2.1125.2", "anna")});

    const auto run = rows.site.run(tool, {});

    CHECK(run.exit_code == EX_DATAERR);
    CHECK_THAT(run.err, Contains("event=autoid_refused study=#") && Contains("no patient id"));
    CHECK(rows.transfers().size() == 1);
}

TEST_CASE("fiona-populate-autoid: mistakes in DataTransferProjects are told apart from used-up ids")
{
    const RowSite rows;
    rows.put(Role::incoming, {RowSite::arrived("1.2.826.0.1.3680043.2.1125.1", "a"),
                              RowSite::arrived("1.2.826.0.1.3680043.2.1125.2", "b")});
    const auto name = [&](const char* pattern) {
        rows.put(Role::dtp, {RowSite::row("DEMO", {{"project_patient_naming", pattern}})});
    };

    name("DEMO_*");
    const auto endless = rows.site.run(tool, {"--now"});
    CHECK(endless.exit_code == EX_CONFIG);
    CHECK_THAT(endless.out, Contains("character 6: endless repetition"));
    name("DEMO_7");
    const auto exhausted = rows.site.run(tool, {"--now", "--json"});
    CHECK(exhausted.exit_code == EX_DATAERR);
    CHECK(json::parse(exhausted.out, "result").find("exhausted")->array().size() == 1);
    CHECK(participants(rows) == std::set<std::string>{"DEMO_7"});
    name("^DEMO_[0-9]$");
    CHECK(rows.site.run(tool, {"--now"}).exit_code == EX_OK);
    CHECK(participants(rows).size() == 2);
    rows.put(Role::dtp, {RowSite::row("TWIN", {{"project_name", "TWIN"},
                                               {"project_active", "1"},
                                               {"project_use_autoid", "1"},
                                               {"project_autoid_aetitle", "AUTODEMO"}})});
    CHECK(rows.site.run(tool, {"--now"}).exit_code == EX_CONFIG);
}

TEST_CASE("fiona-populate-autoid: bad command lines and a second run at the same time")
{
    CHECK(answer_to_wrong_command(tool, {"--no-such-option"}) == "refused");
    CHECK(run_tool(tool, {"--config", "/nonexistent/config.json"}).exit_code == EX_CONFIG);
    const RowSite rows;
    make_directories(rows.site.config.paths.pids());
    const FileLock held{rows.site.config.paths.pids() / "fiona-populate-autoid.lock"};
    CHECK(rows.site.run(tool, {}).exit_code == EX_TEMPFAIL);
}

TEST_CASE("fiona-populate-autoid: killed at any time, run again: one id for each patient")
{
    const RowSite rows;
    std::vector<redcap::Row> studies;
    for (int i = 0; i < 600; ++i) {
        studies.push_back(RowSite::arrived(fmt::format("1.2.826.0.1.3680043.2.1125.{}", i),
                                           std::to_string(i / 2)));
    }
    rows.put(Role::incoming, studies);
    const auto autoid = rows.client(Role::autoid);
    const std::vector<std::function<bool()>> moments{
        [&] { return std::filesystem::exists(rows.site.config.paths.config() / "autoid.key"); },
        [&] { return !autoid->export_records({}).empty(); },
        [&] { return !rows.transfers().empty(); }};
    for (const auto& moment : moments) {
        static_cast<void>(
            run_tool_and_kill(tool, rows.with_config({}), rows.site.environment(), moment));
    }

    const auto last = rows.site.run(tool, {});

    CAPTURE(last.err);
    CHECK(last.exit_code == EX_OK);
    CHECK(autoid->export_records({}).size() == 300);
    CHECK(rows.transfers().size() == 600);
    CHECK(participants(rows).size() == 300);
}
