// SPDX-License-Identifier: MIT
#include "libfiona/dicom/prescan.h"
#include "libfiona/redcap/client.h"
#include "tests/support/job_site.h"
#include "tests/support/skip.h"

#include <catch2/catch.hpp>

#include <sysexits.h>

#include <set>

using namespace fiona;
using Catch::Contains;

namespace {

/// Distinct SOP instance UIDs in the PACS.
std::set<std::string> instances(const JobSite& world)
{
    std::set<std::string> uids;
    for (const auto& file : world.pacs.files()) {
        uids.insert(dicom::prescan_file(file).sop_instance);
    }
    return uids;
}

} // namespace

TEST_CASE("fiona-run-one-job: a PACS that is away costs no result and no second run")
{
    if (!has_sandbox()) {
        return;
    }
    JobSite world;
    world.add_study(1, 1);
    world.add_image("segment", JobSite::segment());
    world.list("a", 1, "segment:1");
    const auto port = world.pacs.port();
    world.site.set("RESEARCH_PACS", json::Object{{"host", "127.0.0.1"},
                                                 {"port", free_port()},
                                                 {"aet", "RESEARCH"},
                                                 {"timeout", 2}});

    const auto away = world.run();
    const auto output = world.output("a", "segment:1");
    const auto made = dicom::prescan_file(output / "MR_000000.dcm").sop_instance;
    world.site.set("RESEARCH_PACS",
                   json::Object{{"host", "127.0.0.1"}, {"port", port}, {"aet", "RESEARCH"}});
    const auto back = world.run();

    CHECK(away.exit_code == EX_UNAVAILABLE);
    INFO(back.err);
    CHECK(back.exit_code == EX_OK);
    CHECK(instances(world) == std::set<std::string>{made});
    CHECK(world.shelved("a").text("attempts") == "1");
}

TEST_CASE("fiona-run-one-job: values of output.json reach the project's REDCap, for its own "
          "participant only")
{
    if (!has_sandbox()) {
        return;
    }
    if (!has_tool("fiona-redcapd")) {
        skip("fiona-redcapd is not built");
        return;
    }
    JobSite world;
    world.site.start_redcap();
    const auto made = run_tool("fiona-redcapd",
                               {"project", "create", "--db", world.site.redcap_database().native(),
                                "--title", "DEMO", "--print-token"});
    REQUIRE(made.exit_code == EX_OK);
    const auto line = trimmed(made.out);
    const std::string token{line.substr(line.find_last_of(" \n") + 1)};
    world.site.client(redcap::Role::dtp)
        ->import_records(
            {{"DEMO",
              "",
              "",
              0,
              {{"project_name", "DEMO"}, {"project_active", "1"}, {"project_token", token}}}},
            redcap::Overwrite::normal);
    world.add_study(1, 1);
    const auto script = [](const std::string& record) {
        return fmt::format("cat >\"$2/output.json\" <<'END'\n[{{\"record_id\":\"{}\","
                           "\"redcap_event_name\":\"EventName:Event 1\",\"field_name\":\"age\","
                           "\"value\":\"42\"}}]\nEND\n",
                           record);
    };
    world.add_image("score", script("DEMO_0001"));
    world.add_image("other", script("DEMO_0002"));
    world.list("a", 1, "score:1");
    world.list("b", 1, "other:1");

    const auto run = world.run();

    INFO(run.err);
    CHECK(run.exit_code == EX_DATAERR);
    CHECK(world.shelved("a").text("state") == "done");
    CHECK(world.shelved("a").text("values") == "1");
    CHECK_THAT(world.shelved("b").text("reason"), Contains("no participant of the input"));
    const auto project = redcap::connect(world.site.config().redcap, Private{token});
    const auto rows = project->export_records({});
    REQUIRE(rows.size() == 1);
    CHECK(rows[0].record == "DEMO_0001");
    CHECK(rows[0].value("age") == "42");
}
