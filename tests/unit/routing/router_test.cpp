// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/base/log.h"
#include "libfiona/routing/coupling.h"
#include "libfiona/routing/populate_incoming.h"
#include "tests/support/loose_redcap.h"
#include "tests/support/memory_redcap.h"
#include "tests/support/site.h"

#include <catch2/catch.hpp>

namespace fs = std::filesystem;
using namespace fiona;
using Catch::Matchers::Contains;
using routing::CouplingRow;

namespace {

const StudyUid study{"1.2.826.0.1.3680043.2.1125.7"};
const StudyUid other_study{"1.2.826.0.1.3680043.2.1125.8"};

/// A site with one study from MODALITY1 to FIONA; list and rules are the test's.
class Bench {
public:
    Bench()
    {
        routing_redcap.fields = {{"record_id", "routing", "text", "", ""},
                                 {"routing_dest_project", "routing", "dropdown",
                                  "demo, DEMO | long_one, A Long Name", ""}};
        put_project("DEMO", "DEMO_[0-9]{3}");
        put_project("A Long Name", "L[0-9]");
        put_study(study, "DEMO_001");
    }

    void put_project(const std::string& name, const std::string& pattern, bool is_active = true)
    {
        dtp.add({name,
                 "",
                 "",
                 0,
                 {{"project_name", name},
                  {"project_active", is_active ? "1" : "0"},
                  {"project_patient_naming", pattern}}});
    }
    void put_study(const StudyUid& uid, const std::string& patient_id,
                   const std::string& name = "DOE^JANE")
    {
        site.put_series(uid, SeriesUid{uid.str() + ".1"}, std::chrono::hours{1},
                        {{"PatientID", patient_id}, {"PatientName", name}});
    }
    void put_rule(const std::string& name, std::map<std::string, std::string, std::less<>> values)
    {
        values.emplace("routing_active", "1");
        values.emplace("routing_dest_project", "demo");
        routing_redcap.add({name, "", "", 0, std::move(values)});
    }
    void put_coupling(const std::string& record, const std::string& participant,
                      const std::string& project = "DEMO", const std::string& event = "")
    {
        coupling.add({record,
                      "",
                      "",
                      0,
                      {{"cl_accessionnumber", " ACC0000123 "},
                       {"cl_projectname", project},
                       {"cl_subjectid", participant},
                       {"cl_eventname", event}}});
    }

    routing::PopulateReport run(Mode mode = Mode::apply,
                                std::chrono::seconds later = std::chrono::seconds{0},
                                const std::optional<std::string>& again_for = {})
    {
        return routing::populate_incoming(
            {incoming, &coupling, &routing_redcap, [this]() -> redcap::Client& { return dtp; }},
            config, Clock::now() + later, mode, again_for);
    }

    [[nodiscard]] std::string participant(const StudyUid& uid, unsigned instance = 1) const
    {
        return incoming.stored(uid.str(), "transfers", instance, "transfer_name");
    }

    Site site;
    Config config = site.config();
    MemoryRedcap incoming{MemoryRedcap::incoming_fields(), {"series", "transfers"}};
    LooseRedcap coupling{"record_id"};
    LooseRedcap routing_redcap{"record_id"};
    LooseRedcap dtp{"record_id"};
};

} // namespace

TEST_CASE("a rule requests a study whose whole patient id matches, once")
{
    Bench bench;
    bench.put_rule("one", {{"routing_incoming_aetitle", "FIONA"},
                           {"routing_allowed_patientid", "DEMO_[0-9]+"},
                           {"routing_event_name", "Baseline"}});

    const auto first = bench.run();
    const auto second = bench.run();

    REQUIRE(first.requested.size() == 1);
    CHECK(first.requested[0].source == "routing rule one");
    CHECK(second.requested.empty());
    CHECK(bench.participant(study) == "DEMO_001");
    CHECK(bench.incoming.stored(study.str(), "transfers", 1, "transfer_event_name") == "Baseline");
    CHECK(bench.incoming.count_instances(study.str(), "transfers") == 1);
}

TEST_CASE("what a rule does not say is not routed")
{
    Bench bench;
    const auto values = GENERATE(
        std::map<std::string, std::string, std::less<>>{{"routing_incoming_aetitle", "ELSE"},
                                                        {"routing_allowed_patientid", ".*"}},
        std::map<std::string, std::string, std::less<>>{{"routing_sending_aetitle", "MODALITY1"},
                                                        {"routing_allowed_patientid", "DEMO_00"}},
        std::map<std::string, std::string, std::less<>>{{"routing_sending_aetitle", "MODALITY1"},
                                                        {"routing_allowed_patientid", "EMO_001"}},
        std::map<std::string, std::string, std::less<>>{{"routing_incoming_aetitle", "FIONA"},
                                                        {"routing_allowed_patientname", "DOE"}},
        std::map<std::string, std::string, std::less<>>{{"routing_incoming_aetitle", "FIONA"},
                                                        {"routing_allowed_patientid", "DEMO_001"},
                                                        {"routing_active", "0"}});
    bench.put_rule("one", values);

    CHECK(bench.run().requested.empty());
}

TEST_CASE("a name that is a pseudonym already is routed, and a label of two words is a project")
{
    Bench bench;
    bench.put_study(other_study, "12345", "L7^^");
    bench.put_rule("long", {{"routing_dest_project", "long_one"},
                            {"routing_sending_aetitle", "MODALITY1"},
                            {"routing_allowed_patientname", "L[0-9]"}});

    CHECK(bench.run().requested.size() == 1);

    CHECK(bench.participant(other_study) == "L7");
    CHECK(bench.incoming.stored(other_study.str(), "transfers", 1, "transfer_project_name")
          == "A Long Name");
}

TEST_CASE("rules that cannot be used are disabled with their reason, the others work")
{
    Bench bench;
    bench.put_rule("bad pattern", {{"routing_incoming_aetitle", "FIONA"},
                                   {"routing_allowed_patientid", "DEMO_([0-9]"}});
    bench.put_rule("two halves", {{"routing_incoming_aetitle", "FIONA"},
                                  {"routing_allowed_patientid", "DEMO)|(.*"}});
    bench.put_rule("nowhere", {{"routing_dest_project", "none"},
                               {"routing_incoming_aetitle", "FIONA"},
                               {"routing_allowed_patientid", "DEMO_001"}});
    bench.put_rule("no title", {{"routing_allowed_patientid", "DEMO_001"}});
    bench.put_rule("no pattern", {{"routing_incoming_aetitle", "FIONA"}});
    bench.put_rule("good", {{"routing_incoming_aetitle", "FIONA"},
                            {"routing_allowed_patientid", "(?!DEMO_9)DEMO_.*"}});

    const auto report = bench.run();

    CHECK(report.requested.size() == 1);
    REQUIRE(report.disabled_rules.size() == 5);
    CHECK_THAT(report.disabled_rules[0].reason, Contains("routing_allowed_patientid"));
}

TEST_CASE("a wide rule sends no real patient id as a pseudonym")
{
    Bench bench;
    const auto* const id = GENERATE("TESTID001", "DEMO_01234567", "01927010093");
    bench.put_study(study, id);
    bench.put_rule("wide",
                   {{"routing_incoming_aetitle", "FIONA"}, {"routing_allowed_patientid", ".*"}});

    const auto report = bench.run();

    CHECK(report.requested.empty());
    REQUIRE(report.conflicts.size() == 1);
    CHECK_THAT(report.conflicts[0].reason, !Contains(id));
}

TEST_CASE("a coupling row requests its study, known or new, by accession number or UID")
{
    Bench bench;
    REQUIRE(bench.run().requested.empty()); // the study is known before the row is
    bench.put_study(other_study, "DEMO_001");
    bench.put_coupling("1", "DEMO_005", "DEMO", "Baseline");
    bench.coupling.add({"2",
                        "",
                        "",
                        0,
                        {{"cl_studyinstanceuid", other_study.str()},
                         {"cl_projectname", "A Long Name"},
                         {"cl_subjectid", "L1"}}});

    const auto report = bench.run();

    CHECK(report.requested.size() == 3); // both studies have that accession number
    CHECK(bench.participant(study) == "DEMO_005");
    CHECK(bench.incoming.count_instances(other_study.str(), "transfers") == 2);
    const auto calls = bench.incoming.exports;
    CHECK(bench.run().requested.empty());
    CHECK(bench.incoming.exports == calls); // a quiet minute
}

TEST_CASE(
    "a coupling list gives no participant's id to two patients, at once or one after the other")
{
    const bool is_at_once = GENERATE(true, false);
    CAPTURE(is_at_once);
    Bench bench;
    bench.put_coupling("1", "DEMO_005");
    if (!is_at_once) {
        REQUIRE(bench.run().requested.size() == 1);
        fs::remove_all(bench.config.paths.raw() / study.str()); // INCOMING remembers
    }
    bench.put_study(other_study, "SECRET77"); // with the same accession number

    const auto report = bench.run();

    CHECK(report.requested.empty());
    REQUIRE(report.conflicts.size() == (is_at_once ? 2 : 1));
    CHECK_THAT(report.conflicts.back().reason,
               Contains("another patient") && !Contains("SECRET") && !Contains("DEMO_00"));
    CHECK(bench.participant(study) == (is_at_once ? "" : "DEMO_005"));
    CHECK(bench.participant(other_study).empty());
    // A person has found out which of them it is.
    bench.coupling.delete_records({"1"});
    bench.coupling.add({"2",
                        "",
                        "",
                        0,
                        {{"cl_studyinstanceuid", other_study.str()},
                         {"cl_projectname", "DEMO"},
                         {"cl_subjectid", "DEMO_006"}}});
    CHECK(bench.run().requested.size() == 1);
    CHECK(bench.participant(other_study) == "DEMO_006");
}

TEST_CASE("a patient's later study follows under the participant's id that the list has given")
{
    Bench bench;
    bench.put_coupling("1", "DEMO_005");
    REQUIRE(bench.run().requested.size() == 1);
    bench.put_study(other_study, "DEMO_001");

    CHECK(bench.run().requested.size() == 1);
    CHECK(bench.participant(other_study) == "DEMO_005");
}

TEST_CASE("sources that disagree request nothing for that project, and say who they are")
{
    Bench bench;
    bench.put_rule("one", {{"routing_incoming_aetitle", "FIONA"},
                           {"routing_allowed_patientid", "DEMO_[0-9]+"}});
    bench.put_coupling("1", "DEMO_002");
    bench.put_coupling("2", "L5", "A Long Name");

    const auto report = bench.run();

    REQUIRE(report.requested.size() == 1);
    CHECK(report.requested[0].project == "A Long Name");
    REQUIRE(report.conflicts.size() == 1);
    CHECK(report.conflicts[0].project == "DEMO");
    CHECK_THAT(report.conflicts[0].reason, Contains("coupling list and routing rule one")
                                               && Contains("participant") && !Contains("DEMO_00"));
    CHECK(bench.run().old_conflicts == 1);
    CHECK(bench.run(Mode::apply, std::chrono::hours{2}).conflicts.size() == 1);
    bench.coupling.delete_records({"1"});
    CHECK(bench.run().requested.size() == 1); // a person has decided
}

TEST_CASE("a request that a person made in the meantime is not contradicted")
{
    Bench bench;
    bench.incoming.put({study.str(), "", "", 0, {}});
    bench.incoming.put({study.str(),
                        "",
                        "transfers",
                        4,
                        {{"transfer_project_name", "DEMO"}, {"transfer_name", "DEMO_077"}}});
    bench.put_coupling("1", "DEMO_002");

    const auto report = bench.run();

    CHECK(report.requested.empty());
    REQUIRE(report.conflicts.size() == 1);
    CHECK_THAT(report.conflicts[0].reason, Contains("another participant (transfer 4)"));
    CHECK(bench.incoming.count_instances(study.str(), "transfers") == 1);
}

TEST_CASE("a project that is not active, or not there, gets nothing")
{
    Bench bench;
    bench.put_project("ENDED", "E1", false);
    bench.put_coupling("1", "E1", "ENDED");
    bench.put_coupling("2", "N1", "NONE");

    const auto report = bench.run();

    CHECK(report.requested.empty());
    CHECK(report.conflicts.size() == 2);
}

TEST_CASE("a new rule is asked about old studies when a person says so, for its project alone")
{
    Bench bench;
    REQUIRE(bench.run().written.size() == 1);
    bench.put_rule("one", {{"routing_incoming_aetitle", "FIONA"},
                           {"routing_allowed_patientid", "DEMO_[0-9]+"}});
    REQUIRE(bench.run().requested.empty());

    CHECK(bench.run(Mode::apply, {}, "A Long Name").requested.empty());
    CHECK(bench.run(Mode::dry_run, {}, "DEMO").requested.size() == 1);
    CHECK(bench.run(Mode::apply, {}, "DEMO").requested.size() == 1);
    CHECK(bench.run(Mode::apply, {}, "DEMO").requested.empty());
}

TEST_CASE("without the list the studies are recorded, and routed when it is back")
{
    Bench bench;
    bench.put_coupling("1", "DEMO_002");
    bench.coupling.broken = Error{Fault::permission, "token refused"};

    CHECK_THROWS_WITH(bench.run(), Contains("recorded, but not routed"));
    CHECK(bench.incoming.stored(study.str(), "", 0, "study_accession_number") == "ACC0000123");
    bench.coupling.broken.reset();

    CHECK(bench.run().requested.size() == 1);
}

TEST_CASE("neither log nor memory of a run names the patient")
{
    Bench bench;
    std::string lines;
    log::set_sink([&](log::Level, const std::string& line) { lines += line; });
    log::set_threshold(log::Level::debug);
    bench.put_study(other_study, "SECRET77", "SECRET^NAME");
    bench.put_rule("wide", {{"routing_incoming_aetitle", "FIONA"},
                            {"routing_allowed_patientid", ".*"},
                            {"routing_allowed_patientname", ".*"}});
    static_cast<void>(bench.run());
    log::set_sink({});
    log::set_threshold(log::Level::info);

    CHECK_THAT(lines, Contains("request_conflict") && !Contains("SECRET"));
    CHECK_THAT(read_file(bench.config.paths.state() / "populate-incoming.json"),
               !Contains("SECRET"));
}

TEST_CASE("the made id of a coupling row follows from what it is for")
{
    CouplingRow row;
    row.accession = Private<std::string>{"ACC1"};
    row.project = "DEMO";
    auto other = row;
    other.participant = "DEMO_002";

    CHECK(row.made_record_id().size() == 25);
    CHECK(row.made_record_id().front() == 'c');
    CHECK(row.made_record_id() == other.made_record_id());
    other.project = "OTHER";
    CHECK(row.made_record_id() != other.made_record_id());
}

TEST_CASE("a study that is touched while a new list comes is looked up when it has settled")
{
    Bench bench;
    static_cast<void>(bench.run());
    bench.site.put_series(study, SeriesUid{study.str() + ".1"}, std::chrono::seconds{5},
                          {{"PatientID", "DEMO_001"}}); // the same once more
    bench.put_coupling("1", "DEMO_001");

    const auto touched = bench.run();
    const auto settled = bench.run(Mode::apply, std::chrono::minutes{5});

    CHECK(touched.waiting == 1);
    CHECK(touched.requested.empty());
    CHECK(settled.requested.size() == 1);
    CHECK(settled.written.empty());
    CHECK(bench.run(Mode::apply, std::chrono::minutes{10}).requested.empty());
}

TEST_CASE("a study that REDCap has lost is asked for by the list again, and by no rule")
{
    const bool by_list = GENERATE(true, false);
    CAPTURE(by_list);
    Bench bench;
    if (by_list) {
        bench.put_coupling("1", "DEMO_001");
    } else {
        bench.put_rule("one", {{"routing_incoming_aetitle", "FIONA"},
                               {"routing_allowed_patientid", "DEMO_[0-9]+"}});
    }
    REQUIRE(bench.run().requested.size() == 1);
    bench.incoming.delete_records({study.str()});

    const auto report = bench.run(Mode::apply, std::chrono::hours{25});

    CHECK(report.written == std::vector{study});
    CHECK(bench.participant(study) == (by_list ? "DEMO_001" : ""));
    bench.site.put_series(study, SeriesUid{study.str() + ".2"}, std::chrono::hours{1},
                          {{"PatientID", "DEMO_001"}}); // something of it is new
    CHECK(bench.run(Mode::apply, std::chrono::hours{25}).written == std::vector{study});
    CHECK(bench.participant(study) == "DEMO_001");
}
