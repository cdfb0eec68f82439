// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/base/log.h"
#include "libfiona/status/why.h"
#include "libfiona/store/arrival_marks.h"
#include "libfiona/store/incoming_list.h"
#include "libfiona/store/spool.h"
#include "tests/support/loose_redcap.h"
#include "tests/support/sorted_site.h"

#include <catch2/catch.hpp>

#include <algorithm>

using namespace fiona;
using Catch::Matchers::Contains;
using status::Step;

namespace {

const StudyUid study{"1.2.3"};

class Road {
public:
    Road() { config.paths = site.paths; }

    [[nodiscard]] status::Whereabouts why() const
    {
        return status::whereabouts(
            config, study, [&] { return incoming(); }, Clock::now());
    }

    [[nodiscard]] Step step(const std::string& name) const
    {
        const auto found = why();
        const auto step = std::ranges::find(found.steps, name, &Step::name);
        REQUIRE(step != found.steps.end());
        return *step;
    }

    /// A study that has gone all the way to INCOMING.
    void record()
    {
        site.sort("1.2.3", "1.2.3.1", "1.2.3.1.1");
        rows = {{"1.2.3", "", "", 0, {{"study_arrival_date", "2026-03-01 09:00"}}},
                {"1.2.3", "", "series", 1, {{"series_instance_uid", "1.2.3.1"}}}};
    }

    void transfer(std::map<std::string, std::string, std::less<>> values)
    {
        values.insert({{"transfer_project_name", "DEMO"},
                       {"transfer_name", "DEMO_001"},
                       {"transfer_requested_date", "2026-03-01 10:00"}});
        rows.push_back({"1.2.3", "", "transfers", 1, std::move(values)});
    }

    SortedSite site;
    Config config;
    std::vector<redcap::Row> rows;
    std::optional<Error> broken;

private:
    [[nodiscard]] std::unique_ptr<redcap::Client> incoming() const
    {
        auto project = std::make_unique<LooseRedcap>("study_instance_uid");
        project->rows = rows;
        project->broken = broken;
        return project;
    }
};

store::SpoolEntry spool_entry(const Road& road)
{
    return {.received = Clock::now(),
            .caller = "SCANNER1",
            .called = "FIONA",
            .host = "scanner1",
            .address = "192.0.2.1",
            .directory = road.site.paths.archive() / "scp_1.2.3",
            .file = "MR.1.2.3.1.1",
            .study = study,
            .series = SeriesUid{"1.2.3.1"},
            .sop = SopInstanceUid{"1.2.3.1.1"},
            .sop_class = "1.2.840.10008.5.1.4.1.1.4",
            .transfer_syntax = "1.2.840.10008.1.2.1",
            .bytes = 8,
            .association = "1-1"};
}

} // namespace

TEST_CASE("a study that was never received says so")
{
    const Road road;

    CHECK(road.step("received").state == Step::State::blocked);
    CHECK_THAT(road.why().verdict, Contains("received"));
}

TEST_CASE("objects in the spool are waited for, and objects given up block with their reason")
{
    const Road road;
    road.site.receive("1.2.3", "1.2.3.1.1");
    const store::Spool spool{road.site.paths.spool()};
    spool.add(spool_entry(road), store::Spool::Sync::no);

    CHECK(road.step("spooled").state == Step::State::waiting);
    CHECK_THAT(road.step("spooled").detail, Contains("1 objects wait"));

    spool.give_up(spool.waiting().at(0), "no DICOM file");
    CHECK(road.step("spooled").state == Step::State::blocked);
    CHECK_THAT(road.step("spooled").detail, Contains("no DICOM file"));
}

TEST_CASE("an object without a link and without a spool entry needs reconcile")
{
    const Road road;
    road.site.sort("1.2.3", "1.2.3.1", "1.2.3.1.1");
    road.site.receive("1.2.3", "1.2.3.1.2");

    CHECK(road.step("sorted").state == Step::State::waiting);
    CHECK_THAT(road.step("sorted").next, Contains("reconcile"));
}

TEST_CASE("a study still arrives while it is not quiet")
{
    const Road road;
    road.site.sort("1.2.3", "1.2.3.1", "1.2.3.1.1");
    store::ArrivalMarks{road.site.paths.arrived()}.touch(
        {"SCANNER1", "FIONA", "scanner1", study, std::nullopt});

    CHECK(road.step("complete").state == Step::State::active);
}

TEST_CASE("a recorded study that nobody asked for waits for a person")
{
    Road road;
    road.record();

    CHECK(road.step("recorded").state == Step::State::done);
    CHECK(road.step("recorded").since == "2026-03-01 09:00");
    CHECK(road.step("assigned").state == Step::State::blocked);
    CHECK_THAT(road.why().next, Contains("fiona-assign"));
}

TEST_CASE("a series that REDCap has not yet is waited for")
{
    Road road;
    road.record();
    road.site.sort("1.2.3", "1.2.3.2", "1.2.3.2.1");

    CHECK(road.step("recorded").state == Step::State::waiting);
    CHECK_THAT(road.step("recorded").detail, Contains("1 series in INCOMING, 2 in raw/"));
}

TEST_CASE("a transfer is requested, sent, failed or partly held back")
{
    Road road;
    road.record();

    SECTION("requested")
    {
        road.transfer({});
        CHECK(road.step("transfer 1").state == Step::State::waiting);
    }
    SECTION("sent")
    {
        road.transfer({{"transfer_date", "2026-03-01 10:05"}});
        CHECK(road.step("transfer 1").state == Step::State::done);
        CHECK_THAT(road.why().verdict, Contains("all done"));
    }
    SECTION("failed")
    {
        road.transfer({{"transfer_date", "2026-03-01 10:05"}, {"transfer_error___1", "1"}});
        CHECK(road.step("transfer 1").state == Step::State::blocked);
        CHECK_THAT(road.step("transfer 1").detail, Contains("deidentify"));
    }
    SECTION("held back")
    {
        road.transfer({{"transfer_date", "2026-03-01 10:05"},
                       {"transfer_error_message",
                        R"({"held": [{"series": "1.2.3.9", "reason": "burned-in text"}]})"}});
        CHECK(road.step("transfer 1").state == Step::State::blocked);
        CHECK_THAT(road.step("transfer 1").detail, Contains("1.2.3.9 (burned-in text)"));
    }
}

TEST_CASE("a study that was cleared away after it was sent lacks nothing")
{
    Road road;
    road.rows = {{"1.2.3", "", "series", 1, {{"series_instance_uid", "1.2.3.1"}}}};

    CHECK(road.step("received").state == Step::State::blocked); // nobody has asked for it yet
    SECTION("sent")
    {
        road.transfer({{"transfer_date", "2026-03-01 10:05"}});
        CHECK(road.step("received").state == Step::State::done);
        CHECK_THAT(road.why().verdict, Contains("all done"));
    }
    SECTION("asked for, and not sent")
    {
        road.transfer({});
        CHECK(road.step("received").state == Step::State::blocked);
        CHECK_THAT(road.why().next, Contains("send it again"));
    }
}

TEST_CASE("a place that cannot be looked at is unknown, not empty, and the rest is shown")
{
    Road road;
    road.record();
    namespace fs = std::filesystem;
    const auto make_unreadable = [](const fs::path& directory) {
        fs::remove_all(directory);
        store::write_file(directory, "a file");
    };
    make_unreadable(road.site.paths.archive() / "scp_1.2.3");
    make_unreadable(road.site.paths.failed());

    CHECK(road.step("received").state == Step::State::unknown);
    CHECK(road.step("request").state == Step::State::unknown);
    CHECK_THAT(road.step("received").detail, Contains("cannot be looked at"));
    CHECK(road.step("recorded").state == Step::State::done);
}

TEST_CASE("without REDCap the rest is shown, and that it is down")
{
    Road road;
    road.record();
    road.broken = Error{Fault::unreachable, "no connection"};

    const auto found = road.why();

    CHECK(!found.redcap_reachable);
    CHECK(road.step("received").state == Step::State::done);
    CHECK(road.step("recorded").state == Step::State::unknown);
    CHECK_THAT(road.step("recorded").detail, Contains("no connection"));
}

TEST_CASE("the answer holds no name, id or accession number of the patient")
{
    Road road;
    road.record();
    road.transfer({});

    const auto text = json::write(status::as_json(road.why()));

    CHECK_THAT(text, !Contains("JANE") && !Contains("TESTID001") && !Contains("ACC0000123"));
    CHECK_THAT(text, Contains(log::uid_tag("1.2.3")));
}
