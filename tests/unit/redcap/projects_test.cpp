// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/base/national_id.h"
#include "libfiona/redcap/projects.h"
#include "tests/support/memory_redcap.h"

#include <catch2/catch.hpp>

using namespace fiona;
using namespace fiona::redcap;
using Catch::Matchers::Contains;

namespace {

/// A synthetic number with right check digits that begins with these six; "" if there is none.
std::string with_check_digits(const std::string& first_six)
{
    for (int rest = 12'300; rest < 20'000; ++rest) {
        auto candidate = fmt::format("{}{:05}", first_six, rest);
        if (is_norwegian_id(candidate)) {
            return candidate;
        }
    }
    return {};
}

MemoryRedcap dtp()
{
    std::vector<Field> fields{{"record_id", "leave_alone_do_not_touch", "text", "", ""}};
    for (const auto* const name :
         {"project_name", "project_active", "project_patient_naming", "project_token",
          "project_features", "project_import_rule_1_tag", "project_import_rule_1_regexp"}) {
        fields.push_back({name, "projects", "text", "", ""});
    }
    fields.push_back({"rewrite_ex_tag", "rewritepixelexclusions", "dropdown",
                      "1, 0x0020:0x4000 Image Comments | 2, 0x0008:0x103E Series Description | "
                      "3, 0x0018:0x1030 Protocol Name | 4, anything",
                      ""});
    fields.push_back({"rewrite_ex_reg", "rewritepixelexclusions", "text", "", ""});
    return MemoryRedcap{fields, {"rewritepixelexclusions"}};
}

MemoryRedcap research()
{
    return MemoryRedcap{{{"record_id", "demographics", "text", "", ""},
                         {"first_name", "demographics", "text", "", ""},
                         {"img_study_instance_uid", "imaging", "text", "", ""}},
                        {"imaging"}};
}

} // namespace

TEST_CASE("numbers with right check digits are national ids, their neighbours are not")
{
    const auto* const first_six = GENERATE("010190", "410190", "014190", "018190", "812345");
    const auto id = with_check_digits(first_six);
    CAPTURE(first_six);
    REQUIRE(id.size() == 11);

    CHECK(is_norwegian_id(id));
    for (std::size_t place = 0; place < id.size(); ++place) {
        auto changed = id;
        changed[place] = changed[place] == '9' ? '8' : static_cast<char>(changed[place] + 1);
        CAPTURE(changed);
        CHECK(!is_norwegian_id(changed));
    }
}

TEST_CASE("what is no date is no national id, and neither is what is not eleven digits")
{
    CHECK(with_check_digits("320190").empty());
    CHECK(with_check_digits("310290").empty());
    CHECK(with_check_digits("001390").empty());
    CHECK(!is_norwegian_id(""));
    CHECK(!is_norwegian_id("0101901234"));
    CHECK(!is_norwegian_id("0101901234x"));
}

TEST_CASE("a national id is found inside other text, also in its two usual groups")
{
    const auto id = with_check_digits("010190");

    CHECK(contains_norwegian_id(id));
    CHECK(contains_norwegian_id("DEMO_" + id));
    CHECK(contains_norwegian_id(id.substr(0, 6) + "-" + id.substr(6) + "x"));
    CHECK(!contains_norwegian_id("1" + id));
    CHECK(!contains_norwegian_id(id + "1"));
    CHECK(!contains_norwegian_id("DEMO_0001"));
}

TEST_CASE("the whole participant id must match the project's pattern")
{
    const auto* const pattern = "DEMO_[0-9][0-9][0-9]";

    CHECK_NOTHROW(check_participant_pattern(ParticipantId{"DEMO_001"}, pattern));
    CHECK_NOTHROW(check_participant_pattern(ParticipantId{"DEMO_001"}, " ^DEMO_[0-9]+$ "));
    const auto* const wrong = GENERATE("DEMO_0011", "XDEMO_001", "demo_001", "DEMO_X01");
    CHECK_THROWS_WITH(check_participant_pattern(ParticipantId{wrong}, pattern),
                      Contains(pattern) && !Contains(wrong));
}

TEST_CASE("an empty or broken pattern lets nobody through")
{
    const auto* const pattern = GENERATE("", "  ", "DEMO_[", "(?=x)DEMO");
    CAPTURE(pattern);
    CHECK_THROWS_AS(check_participant_pattern(ParticipantId{"DEMO"}, pattern), Error);
}

TEST_CASE("a pattern cannot take for ever")
{
    CHECK_THROWS_AS(check_participant_pattern(ParticipantId{std::string(60, 'a') + "b"}, "(a*)*c"),
                    Error);
}

TEST_CASE("a national id is no participant, whatever the pattern says")
{
    const auto id = with_check_digits("010190");
    CHECK_THROWS_WITH(check_participant_pattern(ParticipantId{"P_" + id}, ".*"),
                      Contains("national") && !Contains(id));
}

TEST_CASE("projects are read from the classic shape")
{
    auto redcap = dtp();
    redcap.put({"DEMO",
                {},
                {},
                0,
                {{"project_name", "Demo study"},
                 {"project_active", "1"},
                 {"project_token", " T0KEN "},
                 {"project_features___0", "1"},
                 {"project_features___2", "0"},
                 {"project_patient_naming", "D_[0-9]+"},
                 {"project_import_rule_1_tag", "0032,4000"}}});
    redcap.put({"DEMO", {}, "rewritepixelexclusions", 1, {{"rewrite_ex_tag", "2"}}});
    redcap.put({"OLD", {}, {}, 0, {{"project_active", "0"}}});
    redcap.put({"../bad", {}, {}, 0, {{"project_active", "1"}}});

    const auto projects = research_projects(redcap);

    REQUIRE(projects.size() == 2);
    const auto demo = research_project(redcap, ProjectName{"Demo study"});
    CHECK(demo.active);
    CHECK(demo.token->reveal() == "T0KEN");
    CHECK(demo.remove_presentation_states);
    CHECK(!demo.remove_secondary_captures);
    CHECK(demo.participant_pattern == "D_[0-9]+");
    CHECK(demo.import_rule_tag == "0032,4000");
    CHECK(!research_project(redcap, ProjectName{"OLD"}).active);
    CHECK_THROWS_AS(research_project(redcap, ProjectName{"NONE"}), Error);
}

TEST_CASE("a project spread over events is put together")
{
    auto redcap = dtp();
    redcap.longitudinal = {{"Event 1", "event_1_arm_1"}, {"Baseline", "baseline_arm_1"}};
    redcap.put(
        {"DEMO", "event_1_arm_1", {}, 0, {{"project_active", ""}, {"project_features___1", "0"}}});
    redcap.put({"DEMO",
                "baseline_arm_1",
                {},
                0,
                {{"project_active", "1"}, {"project_features___1", "1"}}});

    const auto projects = research_projects(redcap);

    REQUIRE(projects.size() == 1);
    CHECK(projects[0].name == ProjectName{"DEMO"});
    CHECK(projects[0].active);
    CHECK(projects[0].never_rewrite_pixels);
}

TEST_CASE(
    "a project's exclusions from pixel cleaning are read, those with an unknown tag exempt nothing")
{
    auto redcap = dtp();
    redcap.put({"DEMO", {}, {}, 0, {{"project_name", "Demo study"}, {"project_active", "1"}}});
    redcap.put({"OTHER", {}, {}, 0, {{"project_active", "1"}}});
    const auto rule = [&](unsigned instance, const char* tag, const char* pattern) {
        redcap.put({"DEMO",
                    {},
                    "rewritepixelexclusions",
                    instance,
                    {{"rewrite_ex_tag", tag}, {"rewrite_ex_reg", pattern}}});
    };
    rule(1, "2", "fMRI");
    rule(2, "3", "ep2d.*");
    rule(3, "4", "x");
    rule(4, "9", "x");
    rule(5, "1", "");

    const auto demo = research_project(redcap, ProjectName{"Demo study"});

    REQUIRE(demo.pixel_exclusions.size() == 2);
    CHECK(demo.pixel_exclusions[0].tag == "0008,103E");
    CHECK(demo.pixel_exclusions[0].pattern == "fMRI");
    CHECK(demo.pixel_exclusions[1].tag == "0018,1030");
    CHECK(research_project(redcap, ProjectName{"OTHER"}).pixel_exclusions.empty());
}

TEST_CASE("events are found by label or unique name and told by label")
{
    auto redcap = research();
    CHECK(event_label(redcap, "").empty());
    CHECK_THROWS_AS(event_label(redcap, "Baseline"), Error);
    redcap.longitudinal = {{"Event 1", "event_1_arm_1"}, {"Baseline", "baseline_arm_1"}};

    CHECK(event_label(redcap, "Baseline") == "Baseline");
    CHECK(event_label(redcap, "baseline_arm_1") == "Baseline");
    CHECK_THROWS_WITH(event_label(redcap, "week52"), Contains("Event 1, Baseline"));
}

TEST_CASE("a participant is added once, in the first event or the one named")
{
    auto redcap = research();
    redcap.longitudinal = {{"Event 1", "event_1_arm_1"}, {"Baseline", "baseline_arm_1"}};

    add_participant(redcap, ParticipantId{"DEMO_001"}, "");
    add_participant(redcap, ParticipantId{"DEMO_002"}, "Baseline");

    CHECK(participants(redcap) == std::vector<std::string>{"DEMO_001", "DEMO_002"});
    const auto rows = redcap.export_records({});
    CHECK(rows.at(0).event == "event_1_arm_1");
    CHECK(rows.at(0).value("first_name") == "DEMO_001");
    CHECK(rows.at(1).event == "baseline_arm_1");
    CHECK_THROWS_AS(add_participant(redcap, ParticipantId{"demo_001"}, ""), Error);
}

TEST_CASE("a participant in a project without events has none")
{
    auto redcap = research();

    add_participant(redcap, ParticipantId{"DEMO_001"}, "");

    CHECK(participants(redcap).size() == 1);
    CHECK_THROWS_AS(add_participant(redcap, ParticipantId{"DEMO_002"}, "Baseline"), Error);
}
