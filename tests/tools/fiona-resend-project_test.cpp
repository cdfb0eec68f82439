// SPDX-License-Identifier: MIT
#include "libfiona/base/file_lock.h"
#include "libfiona/base/files.h"
#include "libfiona/base/json.h"
#include "libfiona/routing/transfer_requests.h"
#include "libfiona/store/requests.h"
#include "libfiona/store/study_tree.h"
#include "tests/support/refused_command.h"
#include "tests/support/row_site.h"

#include <catch2/catch.hpp>

#include <sysexits.h>

#include <algorithm>

using namespace fiona;
using Catch::Matchers::Contains;
using redcap::Role;

namespace {

constexpr auto tool = "fiona-resend-project";

/// Transfers of studies 1.2.1, 1.2.2, ... that were done.
void put_done(const RowSite& rows, int count)
{
    std::vector<redcap::Row> all;
    for (int i = 1; i <= count; ++i) {
        const auto study = fmt::format("1.2.826.0.1.3680043.2.1125.{}", i);
        all.push_back(RowSite::row(study, {{"study_description", "MR"}}));
        all.push_back(RowSite::transferred(study, fmt::format("DEMO_{:03}", i)));
    }
    rows.put(Role::incoming, all);
}

std::ptrdiff_t requested_again(const RowSite& rows)
{
    return std::ranges::count_if(rows.transfers(), [](const redcap::Transfer& transfer) {
        return transfer.requested > transfer.transferred;
    });
}

} // namespace

TEST_CASE("fiona-resend-project: a study is asked for again, twice is once")
{
    const RowSite rows;
    put_done(rows, 3);

    const auto none = rows.site.run(tool, {"--project", "DEMO"});
    CHECK(none.exit_code == EX_OK);
    CHECK(requested_again(rows) == 0); // nobody has asked by date
    const auto first = rows.site.run(tool, {"--study", "1.2.826.0.1.3680043.2.1125.2", "--json"});
    const auto second = rows.site.run(tool, {"--study", "1.2.826.0.1.3680043.2.1125.2", "--json"});

    CAPTURE(first.err);
    CHECK(first.exit_code == EX_OK);
    CHECK(json::parse(first.out, "result").find("requested")->array().size() == 1);
    CHECK(json::parse(second.out, "result").find("waiting")->integer() == 1);
    CHECK(requested_again(rows) == 1);
    CHECK_THAT(first.out + first.err,
               !Contains("1.2.826.0.1.3680043.2.1125.2") && !Contains("DEMO_002"));
    const auto filed = rows.site.run("fiona-create-transfer-requests", {"--dry-run"});
    CHECK_THAT(filed.out, Contains("without source")); // it is asked for: raw/ is empty here
}

TEST_CASE("fiona-resend-project: everything needs a yes, a dry run changes nothing")
{
    const RowSite rows;
    put_done(rows, 3);

    CHECK(rows.site.run(tool, {"--all"}).exit_code == EX_USAGE);
    const auto dry = rows.site.run(tool, {"--all", "--project", "DEMO", "--dry-run"});
    CHECK(dry.exit_code == EX_OK);
    CHECK_THAT(dry.out, Contains("3 would be requested again"));
    CHECK(requested_again(rows) == 0);
    CHECK(rows.site.run(tool, {"--all", "--project", "OTHER", "--yes"}).exit_code == EX_OK);
    CHECK(requested_again(rows) == 0);
    CHECK(rows.site.run(tool, {"--all", "--yes"}).exit_code == EX_OK);
    CHECK(requested_again(rows) == 3);
}

TEST_CASE("fiona-resend-project: what was requested in the minute of its transfer is due, the "
          "others are not")
{
    const RowSite rows;
    put_done(rows, 2);
    rows.put(Role::incoming, {RowSite::row("1.2.826.0.1.3680043.2.1125.1",
                                           {{"transfer_requested_date", "2026-03-01 10:05"}}, 1)});

    const auto run = rows.site.run(tool, {});

    CHECK(run.exit_code == EX_OK);
    CHECK(requested_again(rows) == 1); // of the same minute, as the original did
}

TEST_CASE("fiona-resend-project: a request that was given up and never reported is revived, once")
{
    const RowSite rows;
    put_done(rows, 2);
    const std::string study = "1.2.826.0.1.3680043.2.1125.2";
    rows.client(Role::incoming)
        ->import_records(
            {RowSite::row(study, {{"transfer_date", ""}, {"transfer_mapped_uid", ""}}, 1)},
            redcap::Overwrite::overwrite);
    const auto& paths = rows.site.config.paths;
    make_directories(store::StudyTree{paths}.study_directory(StudyUid{study}));
    const auto transfers = rows.transfers();
    const auto waiting = std::ranges::find(transfers, StudyUid{study}, &redcap::Transfer::study);
    REQUIRE(waiting != transfers.end());
    const store::Requests requests{paths};
    const auto request = routing::request_of(*waiting);
    REQUIRE(requests.file(request));
    {
        const store::RequestWorker worker{requests};
        REQUIRE(worker.claim(request.file_name(), Clock::now()));
        worker.finish_failed(request.file_name(), json::Object{{"error", "no room"}});
    }
    const auto filed = [&] {
        return json::parse(rows.site.run("fiona-create-transfer-requests", {"--json", "--now"}).out,
                           "result");
    };
    CHECK(filed().find("failed")->integer() == 1);

    const auto due = rows.site.run(tool, {"--json"});
    CHECK(json::parse(due.out, "result").find("requested")->array().empty());
    const auto dry = rows.site.run(tool, {"--study", study, "--dry-run"});
    CHECK_THAT(dry.out, Contains("1 would be requested again"));
    const auto first = rows.site.run(tool, {"--study", study, "--json"});
    const auto second = rows.site.run(tool, {"--study", study, "--json"});

    INFO(first.err);
    CHECK(first.exit_code == EX_OK);
    CHECK(json::parse(first.out, "result").find("requested")->array().size() == 1);
    CHECK(json::parse(second.out, "result").find("waiting")->integer() == 1);
    const auto again = rows.transfers();
    const auto revived = std::ranges::find(again, StudyUid{study}, &redcap::Transfer::study);
    const auto asked = parse_local_minute(revived->requested);
    REQUIRE(asked);
    CHECK(asked > requests.failed_at(request.file_name())); // in its minute it is filed again
    CHECK(routing::decide(*revived,
                          {.on_disk = true,
                           .newest = {},
                           .failed_at = requests.failed_at(request.file_name()),
                           .seen = {}},
                          *asked, std::chrono::seconds{60})
          == routing::Decision::first);
}

TEST_CASE("fiona-resend-project: bad command lines and a second run at the same time")
{
    CHECK(answer_to_wrong_command(tool, {"--no-such-option"}) == "refused");
    CHECK(run_tool(tool, {"--config", "/nonexistent/config.json"}).exit_code == EX_CONFIG);
    const RowSite rows;
    CHECK(rows.site.run(tool, {"--study", "no uid"}).exit_code == EX_DATAERR);
    make_directories(rows.site.config.paths.pids());
    const FileLock held{rows.site.config.paths.pids() / "fiona-resend-project.lock"};
    CHECK(rows.site.run(tool, {}).exit_code == EX_TEMPFAIL);
}

TEST_CASE("fiona-resend-project: killed half-way, run again: everything is asked for once")
{
    const RowSite rows;
    put_done(rows, 600);
    const auto words = rows.with_config({"--all", "--yes"});

    static_cast<void>(run_tool_and_kill(tool, words, rows.site.environment(),
                                        [&] { return requested_again(rows) > 0; }));
    const auto last = rows.site.run(tool, {"--all", "--yes"});

    CHECK(last.exit_code == EX_OK);
    CHECK(requested_again(rows) == 600);
    CHECK(rows.transfers().size() == 600);
}
