// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/routing/populate_projects.h"
#include "libfiona/routing/resend.h"
#include "tests/support/borrowed_redcap.h"
#include "tests/support/loose_redcap.h"
#include "tests/support/sorted_site.h"

#include <catch2/catch.hpp>

#include <algorithm>

using namespace fiona;
using Catch::Matchers::Contains;

namespace {

class Bench {
public:
    Bench()
    {
        put_project("DEMO");
        for (const auto* const name : {"record_id", "first_name", "last_name"}) {
            project.fields.push_back({name, "participant", "text", "", ""});
        }
        for (const auto* const name : {"img_study_instance_uid", "img_event_name"}) {
            project.fields.push_back({name, "imaging", "text", "", ""});
        }
        project.all_events = {{"Event 1", "event_1_arm_1"}, {"Week 12", "week_12_arm_1"}};
        project.repeating = {"imaging"};
        config.paths = site.paths;
    }

    void put_project(const std::string& name)
    {
        dtp.add({name,
                 "",
                 "",
                 0,
                 {{"project_name", name}, {"project_active", "1"}, {"project_token", "T"}}});
    }

    void put_transfer(const std::string& study, const std::string& participant,
                      const std::string& mapped, const std::string& event = "",
                      const std::string& name = "DEMO")
    {
        incoming.add({study,
                      "",
                      "transfers",
                      1,
                      {{"transfer_project_name", name},
                       {"transfer_name", participant},
                       {"transfer_event_name", event},
                       {"transfer_requested_date", "2026-03-01 10:00"},
                       {"transfer_date", mapped.empty() ? "" : "2026-03-01 10:05"},
                       {"transfer_mapped_uid", mapped}}});
    }

    routing::ProjectsReport run(Mode mode = Mode::apply, std::optional<ProjectName> only = {})
    {
        return routing::populate_projects({dtp, incoming,
                                           [this](const Private<std::string>&) {
                                               return std::make_unique<BorrowedRedcap>(project);
                                           }},
                                          config, now, mode, only);
    }

    [[nodiscard]] std::vector<redcap::Row> images() const
    {
        std::vector<redcap::Row> rows;
        std::ranges::copy_if(project.rows, std::back_inserter(rows),
                             [](const auto& row) { return row.instrument == "imaging"; });
        return rows;
    }

    TimePoint now = Clock::now();
    SortedSite site;
    Config config;
    LooseRedcap dtp{"record_id"};
    LooseRedcap incoming{"study_instance_uid"};
    LooseRedcap project{"record_id"};
};

} // namespace

TEST_CASE("what was transferred appears in the project's REDCap, once")
{
    Bench bench;
    bench.put_transfer("1.2.1", "DEMO_001", "2.25.1");
    bench.put_transfer("1.2.2", "DEMO_001", "2.25.2, 2.25.3", "week 12");
    bench.put_transfer("1.2.3", "DEMO_002", ""); // waits
    bench.project.add({"DEMO_001", "event_1_arm_1", "", 0, {}});
    bench.project.add({"DEMO_001", "event_1_arm_1", "imaging", 7, {}}); // somebody's, blank

    const auto dry = bench.run(Mode::dry_run);
    CHECK(dry.images_created == 3);
    CHECK(bench.project.imports == 0);
    const auto first = bench.run();
    const auto rows = bench.project.rows.size();
    const auto second = bench.run();
    std::filesystem::remove(bench.config.paths.state() / "populate-projects.json");
    const auto third = bench.run();

    CHECK(first.transfers == 2);
    CHECK(first.participants_created == 1); // DEMO_001 in Week 12
    CHECK(first.images_created == 3);
    const auto images = bench.images();
    REQUIRE(images.size() == 4);
    CHECK(images[1].instance == 8);
    CHECK(images[1].event == "event_1_arm_1");
    CHECK(images[1].value("img_study_instance_uid") == "2.25.1");
    CHECK(images[1].value("img_event_name") == "event_1_arm_1");
    CHECK(images[3].instance == 10);
    CHECK(images[3].value("img_event_name") == "week_12_arm_1");
    CHECK(second.unchanged == 1);
    CHECK(third.images_created + third.participants_created == 0);
    CHECK(bench.project.rows.size() == rows);
}

TEST_CASE("an event that is not there, or a spelling that is taken, sets that transfer aside")
{
    Bench bench;
    bench.project.add({"Demo_003", "event_1_arm_1", "", 0, {}});
    bench.put_transfer("1.2.1", "DEMO_001", "2.25.1", "Week 99");
    bench.put_transfer("1.2.2", "DEMO_003", "2.25.2");
    bench.put_transfer("1.2.3", "DEMO_002", "2.25.3");

    const auto report = bench.run();

    CHECK(report.images_created == 1);
    REQUIRE(report.problems.size() == 2);
    CHECK(report.problems[0].is_data);
    CHECK_THAT(report.problems[0].reason, Contains("Week 12"));
    CHECK(bench.run().problems.size() == 2); // not forgotten
}

TEST_CASE("a classic project without imaging gets its participants only")
{
    Bench bench;
    bench.project.all_events.clear();
    bench.project.repeating.clear();
    bench.put_transfer("1.2.1", "DEMO_001", "2.25.1");

    const auto report = bench.run();

    CHECK(report.participants_created == 1);
    CHECK(report.images_created == 0);
    CHECK(bench.project.rows.at(0).value("first_name") == "DEMO_001");
}

TEST_CASE("a project that fails does not stop the others")
{
    Bench bench;
    bench.dtp.add({"BARE", "", "", 0, {{"project_name", "BARE"}, {"project_active", "1"}}});
    bench.put_transfer("1.2.1", "B_1", "2.25.1", "", "BARE");
    bench.put_transfer("1.2.2", "DEMO_001", "2.25.2");

    const auto report = bench.run();

    CHECK(report.images_created == 1);
    REQUIRE(report.problems.size() == 1);
    CHECK_FALSE(report.problems[0].is_data);
    CHECK(bench.run(Mode::apply, ProjectName{"DEMO"}).problems.empty());
}

TEST_CASE("transfers are asked for again by study, by project, or where their dates say so")
{
    Bench bench;
    bench.put_transfer("1.2.1", "DEMO_001", "2.25.1");
    bench.put_transfer("1.2.2", "DEMO_002", "2.25.2");
    bench.put_transfer("1.2.3", "DEMO_003", "");
    bench.put_transfer("1.2.4", "O_1", "2.25.4", "", "OTHER");
    bench.incoming.rows[1].values["transfer_requested_date"] = "2026-03-01 10:05"; // that minute
    const auto now = parse_local_minute("2026-03-02 09:00").value();
    const auto resend = [&](routing::ResendSelection selection, Mode mode = Mode::apply) {
        return routing::resend(bench.incoming, bench.site.paths, selection, now, mode);
    };
    using Dates = routing::ResendSelection::Dates;

    const auto due = resend({});
    CHECK(due.transfers == 4);
    CHECK(due.waiting == 1);
    CHECK(due.not_due == 2);
    REQUIRE(due.requested.size() == 1);
    CHECK(due.requested[0].requested == "2026-03-02 09:00");
    CHECK(resend({}).requested.empty());
    CHECK(resend({.project = {}, .studies = {StudyUid{"1.2.1"}}, .dates = Dates::any})
              .requested.size()
          == 1);
    const routing::ResendSelection other{ProjectName{"OTHER"}, {}, Dates::any};
    CHECK(resend(other, Mode::dry_run).requested.size() == 1);
    CHECK(resend(other).requested.size() == 1);
    CHECK(resend(other).requested.empty());
    CHECK(bench.incoming.rows[3].value("transfer_requested_date") == "2026-03-02 09:00");
}

TEST_CASE("a project's REDCap that was put back to an earlier state is told again within a day")
{
    Bench bench;
    bench.put_transfer("1.2.1", "DEMO_001", "2.25.1");
    static_cast<void>(bench.run());
    REQUIRE(bench.images().size() == 1);
    bench.project.rows.clear();

    bench.now += std::chrono::hours{23};
    CHECK(bench.run().unchanged == 1);
    bench.now += std::chrono::hours{2};
    CHECK(bench.run().images_created == 1);
    CHECK(bench.images().size() == 1);
    CHECK(bench.run().unchanged == 1);
}
