// SPDX-License-Identifier: MIT
#include "libfiona/base/digest.h"
#include "libfiona/base/file_lock.h"
#include "libfiona/base/files.h"
#include "libfiona/redcap/incoming.h"
#include "libfiona/store/atomic_file.h"
#include "tests/support/refused_command.h"
#include "tests/support/run_tool.h"
#include "tests/support/site.h"
#include "tests/support/skip.h"

#include <catch2/catch.hpp>

#include <sysexits.h>

#include <csignal>

using namespace fiona;
using Catch::Matchers::Contains;

namespace {

constexpr auto tool = "fiona-populate-incoming";

StudyUid study(int number)
{
    return StudyUid{fmt::format("1.2.826.0.1.3680043.2.1125.{}", number)};
}

SeriesUid series(int number, int place)
{
    return SeriesUid{fmt::format("1.2.826.0.1.3680043.2.1125.{}.{}", number, place)};
}

bool without_redcapd()
{
    if (has_tool("fiona-redcapd")) {
        return false;
    }
    skip("fiona-redcapd is not built");
    return true;
}

std::vector<redcap::Row> rows_of(const Site& site, const StudyUid& uid)
{
    redcap::ExportSpec spec;
    spec.records = {uid.str()};
    return site.client(redcap::Role::incoming)->export_records(spec);
}

json::Value document(const Outcome& run)
{
    return json::parse(run.out, "the result");
}

} // namespace

TEST_CASE(
    "fiona-populate-incoming: studies of the archive become records, a second run changes nothing")
{
    if (without_redcapd()) {
        return;
    }
    Site site;
    site.start_redcap();
    site.put_series(study(1), series(1, 1));
    site.put_series(study(1), series(1, 2));
    site.put_series(study(2), series(2, 1), std::chrono::seconds{1});

    const auto first = site.run(tool, {"--json"});
    const auto second = site.run(tool, {"--json"});

    CHECK(first.exit_code == EX_OK);
    CHECK(document(first).find("written")->array().size() == 1);
    CHECK(document(first).find("series_rows")->integer() == 2);
    CHECK(document(first).find("waiting")->integer() == 1);
    CHECK(second.exit_code == EX_OK);
    CHECK(document(second).find("calls")->integer() == 0); // the copies are young
    const auto rows = rows_of(site, study(1));
    REQUIRE(rows.size() == 3);
    CHECK(rows[0].value("study_patient_id") == sha256_hex("TESTID001"));
    CHECK(rows[2].instance == 2);
    CHECK(rows[2].value("series_num_files") == "192");
    for (const auto& run : {first, second}) {
        CHECK_THAT(run.out + run.err,
                   !Contains("DOE") && !Contains("TESTID") && !Contains("ACC00"));
        CHECK_THAT(run.out + run.err, !Contains(study(1).str()));
    }
}

TEST_CASE("fiona-populate-incoming: rules and list request studies, bad ones are one line each")
{
    if (without_redcapd()) {
        return;
    }
    Site site;
    site.start_redcap();
    const auto put = [&](redcap::Role role, const std::string& record,
                         std::map<std::string, std::string, std::less<>> values) {
        redcap::Row row;
        row.record = record;
        row.values = std::move(values);
        site.client(role)->import_records({row}, redcap::Overwrite::normal);
    };
    put(redcap::Role::dtp, "PLAIN",
        {{"project_name", "PLAIN"}, {"project_active", "1"}, {"project_patient_naming", "P[0-9]"}});
    put(redcap::Role::coupling, "1",
        {{"cl_accessionnumber", "ACC1"}, {"cl_projectname", "PLAIN"}, {"cl_subjectid", "P1"}});
    put(redcap::Role::coupling, "2",
        {{"cl_accessionnumber", "ACC2"}, {"cl_projectname", "PLAIN"}, {"cl_subjectid", "Q2"}});
    put(redcap::Role::coupling, "3",
        {{"cl_accessionnumber", "ACC3"}, {"cl_projectname", "PLAIN"}, {"cl_subjectid", "P3"}});
    put(redcap::Role::coupling, "4",
        {{"cl_accessionnumber", "ACC3"}, {"cl_projectname", "PLAIN"}, {"cl_subjectid", "P4"}});
    for (int i = 1; i <= 3; ++i) {
        site.put_series(study(i), series(i, 1), std::chrono::hours{1},
                        {{"AccessionNumber", fmt::format("ACC{}", i)}});
    }

    const auto dry = site.run(tool, {"--json", "--dry-run"});
    const auto first = site.run(tool, {"--json"});
    const auto second = site.run(tool, {"--json"});

    CHECK(document(dry).find("requested")->array().size() == 1);
    CHECK(first.exit_code == EX_DATAERR);
    CHECK(document(first).find("written")->array().size() == 3);
    CHECK(document(first).find("requested")->array().size() == 1);
    CHECK(document(first).find("conflicts")->array().size() == 2);
    CHECK(document(second).find("requested")->array().empty());
    CHECK(document(second).find("old_conflicts")->integer() == 2);
    const auto client = site.client(redcap::Role::incoming);
    const auto transfers = redcap::Incoming{*client, site.root() / "locks"}.transfers();
    REQUIRE(transfers.size() == 1);
    CHECK(transfers[0].participant == "P1");
    for (const auto& run : {dry, first, second}) {
        CHECK_THAT(run.out + run.err, !Contains("DOE") && !Contains("TESTID") && !Contains("ACC1")
                                          && !Contains("ACC3") && !Contains("Q2"));
    }
}

TEST_CASE(
    "fiona-populate-incoming: without its memory it finds the same records and writes nothing")
{
    if (without_redcapd()) {
        return;
    }
    Site site;
    site.start_redcap();
    site.put_series(study(1), series(1, 1));
    REQUIRE(site.run(tool).exit_code == EX_OK);
    std::filesystem::remove(site.config().paths.state() / "populate-incoming.json");

    const auto again = site.run(tool, {"--json"});

    CHECK(document(again).find("unchanged")->integer() == 1);
    CHECK(document(again).find("rows_written")->integer() == 0);
}

TEST_CASE("fiona-populate-incoming: a dry run says what it would record and records nothing")
{
    if (without_redcapd()) {
        return;
    }
    Site site;
    site.start_redcap();
    site.put_series(study(1), series(1, 1));

    const auto run = site.run(tool, {"--dry-run"});

    CHECK(run.exit_code == EX_OK);
    CHECK_THAT(run.out, Contains("1 would be recorded"));
    CHECK(rows_of(site, study(1)).empty());
    CHECK(!std::filesystem::exists(site.config().paths.state()));
}

TEST_CASE(
    "fiona-populate-incoming: a study that REDCap refuses is named by its tag, the others go in")
{
    if (without_redcapd()) {
        return;
    }
    Site site;
    site.start_redcap();
    for (int i = 1; i <= 5; ++i) {
        site.put_series(study(i), series(i, 1), std::chrono::hours{1},
                        {{"NumFiles", i == 3 ? "JANE" : "7"}});
    }

    const auto run = site.run(tool);

    CHECK(run.exit_code == EX_DATAERR);
    CHECK_THAT(run.err, Contains("event=study_refused study=#") && Contains("series_num_files"));
    CHECK_THAT(run.err, !Contains("JANE"));
    CHECK(rows_of(site, study(3)).empty());
    for (const int i : {1, 2, 4, 5}) {
        CHECK(rows_of(site, study(i)).size() == 2);
    }
}

TEST_CASE("fiona-populate-incoming: bad command lines, configurations and silent servers have "
          "their codes")
{
    const Site site; // nothing serves the port
    store::write_file(site.root() / "redcap.tokens", "incoming = 0123456789ABCDEF\n", 0600);
    site.put_series(study(1), series(1, 1));

    CHECK(answer_to_wrong_command(tool, {"--no-such-option"}) == "refused");
    CHECK(run_tool(tool, {"--config", "/nonexistent/config.json"}).exit_code == EX_CONFIG);
    const auto silent = site.run(tool);
    CHECK(silent.exit_code == EX_TEMPFAIL);
    CHECK_THAT(silent.err, !Contains("0123456789ABCDEF"));
    CHECK(!std::filesystem::exists(site.config().paths.state() / "populate-incoming.json"));
    std::filesystem::permissions(site.root() / "redcap.tokens", std::filesystem::perms{0644});
    CHECK(site.run(tool).exit_code == EX_CONFIG);
}

TEST_CASE("fiona-populate-incoming: a second one at the same time goes away")
{
    const Site site;
    make_directories(site.config().paths.pids());
    const FileLock held{site.config().paths.pids() / "fiona-populate-incoming.lock"};

    CHECK(site.run(tool).exit_code == EX_TEMPFAIL);
}

TEST_CASE("fiona-populate-incoming: killed half-way, run again: every series has one instance")
{
    if (without_redcapd()) {
        return;
    }
    Site site;
    site.start_redcap();
    constexpr int studies = 250;
    for (int i = 1; i <= studies; ++i) {
        site.put_series(study(i), series(i, 1));
        site.put_series(study(i), series(i, 2));
    }
    const auto log = site.root() / "log";
    for (const auto* const sign :
         {"event=", "event=study_recorded"}) { // at its start, after a batch
        Background run{tool, {"-v", "--config", site.config_file().native()}, log};
        wait_until([&] {
            return !run.runs() || read_file_if_any(log).value_or("").find(sign) != std::string::npos
                   || !rows_of(site, study(1)).empty();
        });
        run.signal(SIGKILL);
    }

    const auto last = site.run(tool);

    CHECK(last.exit_code == EX_OK);
    std::vector<StudyUid> all;
    for (int i = 1; i <= studies; ++i) {
        all.push_back(study(i));
    }
    const auto client = site.client(redcap::Role::incoming);
    const auto recorded = redcap::Incoming{*client, site.root() / "locks"}.recorded_series(all);
    CHECK(recorded.size() == studies);
    for (const auto& [uid, uids] : recorded) {
        CHECK(uids.size() == 2);
    }
}
