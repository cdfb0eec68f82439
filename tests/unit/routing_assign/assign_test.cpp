// SPDX-License-Identifier: MIT
#include "libfiona/base/digest.h"
#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/redcap/incoming.h"
#include "libfiona/routing/assign.h"
#include "libfiona/routing/transfer_requests.h"
#include "libfiona/store/atomic_file.h"
#include "libfiona/store/requests.h"
#include "libfiona/store/sent_images.h"
#include "tests/support/borrowed_redcap.h"
#include "tests/support/loose_redcap.h"
#include "tests/support/sorted_site.h"

#include <catch2/catch.hpp>

#include <algorithm>

using namespace fiona;
using Catch::Matchers::Contains;
using routing::Assignment;

namespace {

/// A site with one study 1.2.3, and a project DEMO with a participant DEMO_001.
class Desk {
public:
    Desk()
    {
        site.sort("1.2.3", "1.2.3.1", "1.2.3.1.1");
        dtp.add({"DEMO",
                 "",
                 "",
                 0,
                 {{"project_name", "DEMO"},
                  {"project_active", "1"},
                  {"project_patient_naming", "DEMO_[0-9][0-9][0-9]"},
                  {"project_token", "T"}}});
        project.all_events = {{"Baseline", "baseline_arm_1"}, {"Week 12", "week_12_arm_1"}};
        project.add({"DEMO_001", "baseline_arm_1", "", 0, {}});
    }

    routing::Assigner assigner()
    {
        return {site.paths, incoming, dtp, [this](const Private<std::string>& token) {
                    CHECK(token.reveal() == "T");
                    return std::make_unique<BorrowedRedcap>(project);
                }};
    }

    routing::AssignOutcome assign(const Assignment& wanted, Mode mode = Mode::apply)
    {
        return assigner().assign(wanted, mode, now);
    }

    [[nodiscard]] std::size_t audit_lines() const
    {
        const auto text = read_file_if_any(site.paths.logs() / "assign-audit.log").value_or("");
        return static_cast<std::size_t>(std::ranges::count(text, '\n'));
    }

    static Assignment wanted(const std::string& participant = "DEMO_001",
                             const std::string& event = "Baseline")
    {
        return {.study = StudyUid{"1.2.3"},
                .project = ProjectName{"DEMO"},
                .participant = ParticipantId{participant},
                .event = event};
    }

    SortedSite site;
    LooseRedcap incoming{"study_instance_uid"};
    LooseRedcap dtp{"record_id"};
    LooseRedcap project{"record_id"};
    TimePoint now = parse_local_minute("2026-03-01 10:00").value();
};

Fault fault_of(const auto& action)
{
    try {
        action();
    } catch (const Error& e) {
        return e.fault();
    }
    FAIL("nothing was refused");
    return Fault::internal;
}

} // namespace

TEST_CASE("an assignment becomes one transfer instance, with an audit line")
{
    Desk desk;

    const auto outcome = desk.assign(Desk::wanted("DEMO_001", "baseline_arm_1"));

    CHECK(outcome.created);
    CHECK(outcome.transfer.instance == 1);
    CHECK(outcome.transfer.event == "Baseline"); // stored as the label
    CHECK(outcome.transfer.requested == "2026-03-01 10:00");
    const auto row = std::ranges::find(desk.incoming.rows, "transfers", &redcap::Row::instrument);
    REQUIRE(row != desk.incoming.rows.end());
    CHECK(row->value("transfer_name") == "DEMO_001");
    CHECK(desk.audit_lines() == 1);
}

TEST_CASE("the same assignment again changes nothing and writes no audit line")
{
    Desk desk;
    static_cast<void>(desk.assign(Desk::wanted()));
    const auto rows = desk.incoming.rows.size();
    const auto imports = desk.incoming.imports;

    const auto outcome = desk.assign(Desk::wanted());

    CHECK(!outcome.created);
    CHECK(outcome.transfer.instance == 1);
    CHECK(desk.incoming.rows.size() == rows);
    CHECK(desk.incoming.imports == imports);
    CHECK(desk.audit_lines() == 1);
}

TEST_CASE(
    "a participant who has studies of another patient gets none, unless a person says they are one")
{
    Desk desk;
    REQUIRE(desk.assign(Desk::wanted()).created);
    const bool is_recorded = GENERATE(true, false);
    CAPTURE(is_recorded);
    if (is_recorded) { // and its files have left the site
        desk.incoming.add({"1.2.3", "", "", 0, {{"study_patient_id", sha256_hex("TESTID001")}}});
        std::filesystem::remove_all(desk.site.paths.raw() / "1.2.3");
    }
    desk.site.sort("1.2.4", "1.2.4.1", "1.2.4.1.1", {{"PatientID", "SECRET77"}});
    auto wanted = Desk::wanted();
    wanted.study = StudyUid{"1.2.4"};
    const auto audit = desk.audit_lines();
    const auto imports = desk.incoming.imports;

    for (const auto mode : {Mode::dry_run, Mode::apply}) {
        CHECK_THROWS_WITH(desk.assign(wanted, mode),
                          Contains("another patient") && Contains("--same-person")
                              && !Contains("SECRET77") && !Contains("DEMO_001"));
    }
    CHECK(desk.audit_lines() == audit);
    CHECK(desk.incoming.imports == imports);

    auto elsewhere = wanted;
    elsewhere.participant = ParticipantId{"DEMO_002"};
    elsewhere.unknown = Assignment::Unknown::create;
    CHECK(desk.assign(elsewhere, Mode::dry_run).created);
    wanted.person = Assignment::Person::same;
    CHECK(desk.assign(wanted).created);
}

TEST_CASE("a later study of the participant's patient is assigned without a word")
{
    Desk desk;
    REQUIRE(desk.assign(Desk::wanted()).created);
    desk.incoming.add({"1.2.3", "", "", 0, {{"study_patient_id", sha256_hex("TESTID001")}}});
    desk.site.sort("1.2.4", "1.2.4.1", "1.2.4.1.1");
    auto wanted = Desk::wanted("DEMO_001", "Week 12");
    wanted.study = StudyUid{"1.2.4"};

    CHECK(desk.assign(wanted).created);
}

TEST_CASE("a dry run checks everything and writes nothing, not even the audit line")
{
    Desk desk;
    auto wanted = Desk::wanted("DEMO_002");
    wanted.unknown = Assignment::Unknown::create;

    const auto outcome = desk.assign(wanted, Mode::dry_run);

    CHECK(outcome.created);
    CHECK(outcome.participant_created);
    CHECK(desk.incoming.imports == 0);
    CHECK(desk.project.imports == 0);
    CHECK(desk.audit_lines() == 0);
}

TEST_CASE("resend sets the date of the request that is there")
{
    Desk desk;
    static_cast<void>(desk.assign(Desk::wanted()));
    std::ranges::find(desk.incoming.rows, "transfers", &redcap::Row::instrument)
        ->values["transfer_date"] = "2026-03-01 10:30";
    desk.now += std::chrono::hours{1};
    auto again = Desk::wanted();
    again.again = Assignment::Again::resend;

    const auto outcome = desk.assign(again);

    CHECK(outcome.resent);
    CHECK(std::ranges::find(desk.incoming.rows, "transfers", &redcap::Row::instrument)
              ->value("transfer_requested_date")
          == "2026-03-01 11:00");
    CHECK(desk.audit_lines() == 2);
}

TEST_CASE("a second participant of one project is refused unless forced")
{
    Desk desk;
    static_cast<void>(desk.assign(Desk::wanted()));
    auto second = Desk::wanted("DEMO_002");
    second.unknown = Assignment::Unknown::create;

    CHECK(fault_of([&] { static_cast<void>(desk.assign(second)); }) == Fault::data);
    CHECK(desk.project.imports == 0); // no participant for a request that cannot be

    second.second = Assignment::Second::force;
    CHECK(desk.assign(second).transfer.instance == 2);
}

TEST_CASE("an unknown participant is refused, or created when asked for")
{
    Desk desk;
    auto wanted = Desk::wanted("DEMO_002");

    CHECK(fault_of([&] { static_cast<void>(desk.assign(wanted)); }) == Fault::data);
    CHECK(desk.incoming.imports == 0);

    wanted.unknown = Assignment::Unknown::create;
    CHECK(desk.assign(wanted).participant_created);
    CHECK(redcap::participants(desk.project) == std::vector<std::string>{"DEMO_001", "DEMO_002"});
}

TEST_CASE("an assignment that must not be is refused, and nothing is written")
{
    Desk desk;
    auto wanted = Desk::wanted();
    auto fault = Fault::data;

    SECTION("a study that is not here")
    {
        wanted.study = StudyUid{"1.2.99"};
        fault = Fault::missing;
    }
    SECTION("a project that is not there")
    {
        wanted.project = ProjectName{"OTHER"};
        fault = Fault::missing;
    }
    SECTION("a project that is not active")
    {
        desk.dtp.rows[0].values["project_active"] = "0";
    }
    SECTION("a project without token")
    {
        desk.dtp.rows[0].values["project_token"] = "";
        fault = Fault::config;
    }
    SECTION("an event of another project")
    {
        wanted.event = "Week 99";
    }
    SECTION("a participant in another case")
    {
        wanted.participant = ParticipantId{"demo_001"};
    }
    SECTION("an id against the pattern")
    {
        wanted.participant = ParticipantId{"DEMO_0002"};
        wanted.unknown = Assignment::Unknown::create;
    }
    SECTION("the patient's own id, even if the project has such a record")
    {
        desk.project.add({"TESTID001", "baseline_arm_1", "", 0, {}});
        wanted.participant = ParticipantId{"TESTID001"};
    }
    SECTION("the patient's name")
    {
        wanted.participant = ParticipantId{"DOE_JANE"};
    }

    CHECK(fault_of([&] { static_cast<void>(desk.assign(wanted)); }) == fault);
    CHECK(desk.incoming.imports == 0);
    CHECK(desk.project.imports == 0);
    CHECK(desk.audit_lines() == 0);
}

TEST_CASE("no refusal repeats the participant id: it may be a patient's id typed by mistake")
{
    Desk desk;
    const auto* const id = GENERATE("19450117", "DEMO_999", "demo_001");
    CAPTURE(id);

    CHECK_THROWS_WITH(desk.assign(Desk::wanted(id)), !Contains(id));
    CHECK_THROWS_WITH(desk.assigner().check_new_id(ProjectName{"DEMO"}, ParticipantId{"19450117"}),
                      !Contains("19450117"));
}

TEST_CASE("a participant is added once, with an audit line")
{
    Desk desk;
    const ProjectName demo{"DEMO"};
    const ParticipantId participant{"DEMO_007"};

    desk.assigner().add_participant(demo, participant, "", Mode::dry_run, desk.now);
    CHECK(desk.project.imports == 0);
    desk.assigner().add_participant(demo, participant, "", Mode::apply, desk.now);
    CHECK(redcap::participants(desk.project).size() == 2);
    CHECK(desk.audit_lines() == 1);

    CHECK(fault_of([&] {
              desk.assigner().add_participant(demo, participant, "", Mode::apply, desk.now);
          })
          == Fault::data);
}

TEST_CASE("a request that was not sent is taken back, file and instance")
{
    Desk desk;
    desk.assign(Desk::wanted());
    const auto request = routing::request_of(
        redcap::Incoming{desk.incoming, desk.site.paths.state() / "locks"}.transfers().at(0));
    REQUIRE(store::Requests{desk.site.paths}.file(request));
    const auto lines = desk.audit_lines();
    const auto cancel = [&](Mode mode) {
        return desk.assigner().cancel(StudyUid{"1.2.3"}, ProjectName{"DEMO"}, std::nullopt, mode,
                                      desk.now);
    };

    CHECK(cancel(Mode::dry_run).participant == "DEMO_001");
    CHECK(store::Requests{desk.site.paths}.is_pending(request.file_name()));
    CHECK(cancel(Mode::apply).participant == "DEMO_001");

    CHECK_FALSE(store::Requests{desk.site.paths}.is_pending(request.file_name()));
    CHECK(redcap::Incoming{desk.incoming, desk.site.paths.state() / "locks"}.transfers().empty());
    CHECK(desk.audit_lines() == lines + 1);
    CHECK(fault_of([&] { cancel(Mode::apply); }) == Fault::missing);
}

TEST_CASE("a request that is being sent, or was sent, is not taken back")
{
    Desk desk;
    desk.assign(Desk::wanted());
    const store::Requests requests{desk.site.paths};
    const auto request = routing::request_of(
        redcap::Incoming{desk.incoming, desk.site.paths.state() / "locks"}.transfers().at(0));
    const auto cancel = [&] {
        desk.assigner().cancel(StudyUid{"1.2.3"}, ProjectName{"DEMO"}, std::nullopt, Mode::apply,
                               desk.now);
    };
    REQUIRE(requests.file(request));
    {
        const store::RequestWorker worker{requests};
        REQUIRE(worker.claim(request.file_name(), desk.now));
        CHECK(fault_of(cancel) == Fault::temporary);
        worker.finish_done(request.file_name(), desk.now);
    }
    desk.incoming.import_records(
        {{"1.2.3", "", "transfers", 1, {{"transfer_date", "2026-03-01 10:05"}}}},
        redcap::Overwrite::normal);

    CHECK(fault_of(cancel) == Fault::data);
    CHECK(redcap::Incoming{desk.incoming, desk.site.paths.state() / "locks"}.transfers().size()
          == 1);
}

namespace {

/// A study that is requested, and its request file.
struct Requested : Desk {
    Requested()
    {
        assign(wanted());
        request = row();
        name = request.file_name();
        REQUIRE(requests.file(request));
    }

    [[nodiscard]] store::TransferRequest row()
    {
        return routing::request_of(records().transfers().at(0));
    }
    [[nodiscard]] redcap::Incoming records()
    {
        return redcap::Incoming{incoming, site.paths.state() / "locks"};
    }
    void cancel(Mode mode = Mode::apply)
    {
        assigner().cancel(StudyUid{"1.2.3"}, ProjectName{"DEMO"}, std::nullopt, mode, now);
    }
    [[nodiscard]] bool is_given_up() const
    {
        return std::filesystem::exists(site.paths.failed() / (name + "_fail.log"));
    }

    store::Requests requests{site.paths};
    store::TransferRequest request = sample();
    std::string name;

private:
    static store::TransferRequest sample()
    {
        return {.study = StudyUid{"1.2"},
                .project = ProjectName{"X"},
                .participant = ParticipantId{"X"},
                .event = {},
                .instance = 1,
                .requested = {},
                .content = {}};
    }
};

} // namespace

TEST_CASE("a request of which images were sent already is not taken back")
{
    Requested desk;
    const auto journal = store::SentImages::journal_of(desk.site.paths, desk.request);
    make_directories(journal.parent_path());
    store::write_file(journal, store::SentImages::stored_line("2.25.1", "2.25.2", {}) + "\n");
    const auto lines = desk.audit_lines();

    CHECK(fault_of([&] { desk.cancel(Mode::dry_run); }) == Fault::data);
    CHECK(fault_of([&] { desk.cancel(); }) == Fault::data);

    CHECK(desk.requests.waiting() == std::vector{desk.name});
    CHECK(desk.records().transfers().size() == 1);
    CHECK(desk.audit_lines() == lines + 1);
}

TEST_CASE("while REDCap cannot be told, a request that is taken back is sent by nobody")
{
    Requested desk;
    if (GENERATE(false, true)) {
        desk.requests.hold(desk.name, Mode::apply);
    }
    desk.incoming.refuses_deletions = Error{Fault::temporary, "REDCap is away"};

    CHECK_THROWS_WITH([&] { desk.cancel(); }(), Contains("is held") && Contains("REDCap is away"));

    CHECK(desk.requests.held() == std::vector{desk.name});
    CHECK(desk.requests.waiting().empty());
    CHECK(desk.records().transfers().size() == 1);

    SECTION("and done again, it is gone")
    {
        desk.incoming.refuses_deletions.reset();
        desk.cancel();
    }
    SECTION("and somebody has deleted the instance, or the plug was pulled behind it")
    {
        desk.incoming.refuses_deletions.reset();
        desk.incoming.delete_instance("1.2.3", "transfers", 1);
        desk.cancel();
    }
    CHECK_FALSE(desk.requests.is_pending(desk.name));
    CHECK(desk.records().transfers().empty());
    CHECK_FALSE(desk.is_given_up());
    CHECK(fault_of([&] { desk.cancel(); }) == Fault::missing);
}

TEST_CASE("a cancel that was cut off is completed though another request has its number by now")
{
    Requested desk;
    desk.requests.hold(desk.name, Mode::apply);
    desk.incoming.delete_instance("1.2.3", "transfers", 1); // and here the plug was pulled
    desk.incoming.add({"1.2.3",
                       {},
                       "transfers",
                       1,
                       {{"transfer_project_name", "OTHER"}, {"transfer_name", "OTHER_001"}}});

    desk.cancel();

    CHECK_FALSE(desk.requests.is_pending(desk.name));
    const auto left = desk.records().transfers();
    REQUIRE(left.size() == 1);
    CHECK(left[0].project == "OTHER");
    CHECK(left[0].participant == "OTHER_001");
}

TEST_CASE("a request that is taken back in a project with automatic ids is left as dropped")
{
    Requested desk;
    desk.dtp.rows.at(0).values.insert(
        {{"project_use_autoid", "1"}, {"project_autoid_aetitle", "AUTO1"}});
    if (GENERATE(false, true)) {
        REQUIRE(desk.requests.withdraw(desk.name)); // not filed yet
    }

    desk.cancel();

    CHECK_FALSE(desk.requests.is_pending(desk.name));
    CHECK(desk.is_given_up());
    CHECK(desk.records().transfers().empty());
}

TEST_CASE("a request that was dropped, taken back and made again within a minute is filed")
{
    Requested desk;
    desk.now = Clock::now();
    desk.requests.drop(desk.name, "dropped by an operator", desk.now, Mode::apply);
    desk.cancel();

    desk.assign(Desk::wanted());

    CHECK(desk.row().file_name() == desk.name); // nobody can tell it from the first by that
    const auto transfer = desk.records().transfers().at(0);
    const auto dropped = desk.requests.failed_at(desk.name);
    REQUIRE(dropped);
    CHECK(parse_local_minute(transfer.requested) > dropped);
    CHECK(routing::decide(transfer,
                          {.on_disk = true,
                           .newest = *dropped - std::chrono::hours{1},
                           .failed_at = dropped,
                           .seen = {}},
                          *dropped + std::chrono::minutes{1}, std::chrono::seconds{60})
          == routing::Decision::first);
}
