// SPDX-License-Identifier: MIT
// The other methods over HTTP, row by row: what each answers, imports and deletes.
#include "libfiona/base/json.h"
#include "tests/support/redcap_calls.h"

#include <catch2/catch.hpp>

using Catch::Matchers::Contains;
using Match = Expected::Match;
namespace json = fiona::json;

namespace {

constexpr const char* csv_type = "text/csv; charset=utf-8";
constexpr const char* xml_type = "text/xml; charset=utf-8";
constexpr const char* text_type = "text/plain; charset=utf-8";
constexpr const char* xml_head = R"(<?xml version="1.0" encoding="UTF-8" ?>)";

std::size_t rows(const Reply& reply)
{
    return json::parse(reply.body, "reply").array().size();
}

} // namespace

TEST_CASE("fiona-redcapd: arms, events, mappings and what repeats are exported, imported, deleted")
{
    const RedcapCalls redcap;
    const auto& demo = redcap.demo;
    const std::vector<Expected> table{
        {"arm", demo, {{"content", "arm"}}, 200, R"([{"arm_num":1,"name":"Arm 1"}])"},
        {"arm import",
         demo,
         {{"content", "arm"},
          {"action", "import"},
          {"override", "0"},
          {"data", R"([{"arm_num":2,"name":"Drug B"},{"arm_num":"1","name":"Drug A"}])"}},
         200,
         "2"},
        {"an arm without events is not listed",
         demo,
         {{"content", "arm"}, {"format", "csv"}},
         200,
         "arm_num,name\n1,\"Drug A\"\n",
         Match::whole,
         csv_type},
        {"event import",
         demo,
         {{"content", "event"},
          {"action", "import"},
          {"override", "0"},
          {"data", R"([{"event_name":"New one","arm_num":"2"}])"}},
         200,
         "1"},
        {"... again changes nothing",
         demo,
         {{"content", "event"},
          {"action", "import"},
          {"data", R"([{"event_name":"New one","arm_num":"2"}])"}},
         200,
         "1"},
        {"arms, chosen",
         demo,
         {{"content", "arm"}, {"arms[0]", "2"}},
         200,
         R"([{"arm_num":2,"name":"Drug B"}])"},
        {"arm xml",
         demo,
         {{"content", "arm"}, {"format", "xml"}, {"arms", "2"}},
         200,
         std::string{xml_head}
             + "<arms><item><arm_num><![CDATA[2]]></arm_num><name><![CDATA[Drug B]]></name></item>"
               "</arms>",
         Match::whole,
         xml_type},
        {"event, csv",
         demo,
         {{"content", "event"}, {"format", "csv"}, {"arms", "2"}},
         200,
         "event_name,arm_num,unique_event_name,custom_event_label,event_id\n\"New one\",2,"
         "new_one_arm_2,,",
         Match::part,
         csv_type},
        {"event, json",
         demo,
         {{"content", "event"}, {"arms", "2"}},
         200,
         R"([{"event_name":"New one","arm_num":2,"unique_event_name":"new_one_arm_2","custom_event_label":null,"event_id":)",
         Match::part},
        {"an event of an unknown arm",
         demo,
         {{"content", "event"},
          {"action", "import"},
          {"data", R"([{"event_name":"E","arm_num":"7"}])"}},
         400,
         "The arm 7 does not exist",
         Match::part},
        {"mapping import replaces all",
         demo,
         {{"content", "formEventMapping"}, {"data", R"([
            {"arm_num":"1","unique_event_name":"event_1_arm_1","form":"participant"},
            {"arm_num":"1","unique_event_name":"event_1_arm_1","form":"imaging"},
            {"arm_num":"2","unique_event_name":"new_one_arm_2","form":"participant"}])"}},
         200,
         "3"},
        {"mapping",
         demo,
         {{"content", "formEventMapping"}, {"arms[0]", "2"}},
         200,
         R"([{"arm_num":2,"unique_event_name":"new_one_arm_2","form":"participant"}])"},
        {"mapping of an unknown form",
         demo,
         {{"content", "formEventMapping"},
          {"data", R"([{"arm_num":"1","unique_event_name":"event_1_arm_1","form":"x"}])"}},
         400,
         "unknown event or form",
         Match::part},
        {"repeating",
         demo,
         {{"content", "repeatingFormsEvents"}},
         200,
         R"([{"event_name":"event_1_arm_1","form_name":"pathology","custom_form_label":""},)"
         R"({"event_name":"event_1_arm_1","form_name":"imaging","custom_form_label":""},)"
         R"({"event_name":"01_arm_1","form_name":"pathology","custom_form_label":""},)"
         R"({"event_name":"baseline_arm_1","form_name":"pathology","custom_form_label":""}])"},
        {"repeating import, a whole event by a blank form",
         demo,
         {{"content", "repeatingFormsEvents"}, {"data", R"([
            {"event_name":"event_1_arm_1","form_name":"imaging","custom_form_label":"[img_study_date]"},
            {"event_name":"new_one_arm_2","form_name":"","custom_form_label":""}])"}},
         200,
         "2"},
        {"repeating, csv",
         demo,
         {{"content", "repeatingFormsEvents"}, {"format", "csv"}},
         200,
         "event_name,form_name,custom_form_label\nevent_1_arm_1,imaging,[img_study_date]\n"
         "new_one_arm_2,,\n",
         Match::whole,
         csv_type},
        {"a record in the new arm",
         demo,
         {{"content", "record"}, {"data", R"([{"record_id":"P","redcap_event_name":"new_one_arm_2",
                        "redcap_repeat_instance":2,"first_name":"x"},{"record_id":"P"}])"}},
         200,
         R"({"count":1})"},
        {"an instance of an event",
         demo,
         {{"content", "record"}, {"fields", "record_id,first_name"}, {"events", "new_one_arm_2"}},
         200,
         R"([{"record_id":"P","redcap_event_name":"new_one_arm_2","redcap_repeat_instrument":"","redcap_repeat_instance":2,"first_name":"x"}])"},
        {"event delete",
         demo,
         {{"content", "event"}, {"action", "delete"}, {"events[0]", "new_one_arm_2"}},
         200,
         "1"},
        {"... takes its values along",
         demo,
         {{"content", "record"}, {"fields", "first_name"}},
         200,
         R"([{"first_name":""}])"},
        {"event delete, unknown",
         demo,
         {{"content", "event"}, {"action", "delete"}, {"events[0]", "x"}},
         400,
         R"(The following values in the parameter \"events\" are not valid: 'x')",
         Match::part},
        {"arm delete",
         demo,
         {{"content", "arm"}, {"action", "delete"}, {"arms[0]", "2"}},
         200,
         "1"},
        {"arm delete, unknown",
         demo,
         {{"content", "arm"}, {"action", "delete"}, {"arms[0]", "2"}},
         400,
         R"(The following values in the parameter \"arms\" are not valid: '2')",
         Match::part},
        {"arm import with override starts anew",
         demo,
         {{"content", "arm"},
          {"action", "import"},
          {"override", "1"},
          {"data", R"([{"arm_num":1,"name":"Only"}])"}},
         200,
         "1"},
        {"... without events", demo, {{"content", "event"}}, 200, "[]"},
        {"... and so without records", demo, {{"content", "record"}}, 200, "[]"},
        {"... which cannot be imported",
         demo,
         {{"content", "record"}, {"data", R"([{"record_id":"P"}])"}},
         400,
         "The project has no events",
         Match::part},
        {"... until there is one again",
         demo,
         {{"content", "event"},
          {"action", "import"},
          {"data", R"([{"event_name":"Event 1","arm_num":"1"}])"}},
         200,
         "1"},
        {"design is in the log",
         demo,
         {{"content", "log"}, {"logtype", "manage"}, {"format", "csv"}},
         200,
         "Manage/Design,\"Import events\"",
         Match::part,
         csv_type},
    };
    for (const auto& expected : table) {
        redcap.check(expected);
    }
}

TEST_CASE("fiona-redcapd: dictionary, instruments, names, versions")
{
    const RedcapCalls redcap;
    const auto& demo = redcap.demo;
    const auto incoming = redcap.site.token("incoming");
    const std::vector<Expected> table{
        {"generateNextRecordName",
         incoming,
         {{"content", "generateNextRecordName"}},
         200,
         "1",
         Match::whole,
         text_type},
        {"version", incoming, {{"content", "version"}}, 200, "14.0.0", Match::whole, text_type},
        {"instrument",
         demo,
         {{"content", "instrument"}},
         200,
         R"([{"instrument_name":"participant","instrument_label":"Participant"},)"
         R"({"instrument_name":"pathology","instrument_label":"Pathology"},)"
         R"({"instrument_name":"imaging","instrument_label":"Imaging"}])"},
        {"instrument, xml",
         demo,
         {{"content", "instrument"}, {"format", "xml"}},
         200,
         "<instruments><item><instrument_name><![CDATA[participant]]></instrument_name>",
         Match::part,
         xml_type},
        {"exportFieldNames of a checkbox",
         incoming,
         {{"content", "exportFieldNames"}, {"field", "transfer_error"}, {"format", "csv"}},
         200,
         "original_field_name,choice_value,export_field_name\n"
         "transfer_error,1,transfer_error___1\ntransfer_error,2,transfer_error___2\n"
         "transfer_error,3,transfer_error___3\n",
         Match::whole,
         csv_type},
        {"exportFieldNames, unknown",
         incoming,
         {{"content", "exportFieldNames"}, {"field", "x"}},
         400,
         R"(The value of the parameter \"field\" is not valid)",
         Match::part},
        {"metadata of a field",
         incoming,
         {{"content", "metadata"}, {"fields[0]", "transfer_error"}, {"format", "csv"}},
         200,
         "transfer_error,transfers,,checkbox,",
         Match::part,
         csv_type},
        {"metadata of an unknown form",
         incoming,
         {{"content", "metadata"}, {"forms[0]", "x"}},
         400,
         R"(The following values in the parameter \"forms\" are not valid: 'x')",
         Match::part},
        {"metadata import",
         demo,
         {{"content", "metadata"}, {"data", R"([
            {"field_name":"record_id","form_name":"participant","field_type":"text","field_label":"Id"},
            {"field_name":"bmi","form_name":"participant","field_type":"calc","select_choices_or_calculations":"1+1"},
            {"field_name":"race","form_name":"extra","field_type":"checkbox","field_label":"R","select_choices_or_calculations":"-4, A | 2, B"}])"}},
         200,
         "3"},
        {"a code with a sign becomes underscores",
         demo,
         {{"content", "exportFieldNames"}, {"field", "race"}},
         200,
         R"([{"original_field_name":"race","choice_value":"-4","export_field_name":"race____4"},{"original_field_name":"race","choice_value":"2","export_field_name":"race___2"}])"},
        {"calculated values are not imported",
         demo,
         {{"content", "record"}, {"data", R"([{"record_id":"1","bmi":"7"}])"}},
         200,
         R"({"count":1})"},
        {"... nor kept", demo, {{"content", "record"}, {"fields", "bmi"}}, 200, R"([{"bmi":""}])"},
        {"another record id",
         demo,
         {{"content", "metadata"},
          {"data", R"([{"field_name":"other","form_name":"participant","field_type":"text"}])"}},
         400,
         "The first field, which is the record ID, cannot be changed",
         Match::part},
        {"in production the dictionary stays",
         demo,
         {{"content", "project_settings"}, {"data", R"({"in_production":1})"}},
         200,
         "1"},
        {"... and is refused",
         demo,
         {{"content", "metadata"},
          {"data",
           R"([{"field_name":"record_id","form_name":"participant","field_type":"text"}])"}},
         400,
         "The project is in production",
         Match::part},
        {"settings",
         demo,
         {{"content", "project_settings"},
          {"data",
           R"({"project_title":"Renamed","project_notes":"n","scheduling_enabled":"1","unknown":"x","project_id":"9"})"}},
         200,
         "3"},
        {"... are seen",
         demo,
         {{"content", "project"}, {"format", "csv"}},
         200,
         ",Renamed,",
         Match::part,
         csv_type},
        {"scheduling adds offsets to events",
         demo,
         {{"content", "event"}, {"format", "csv"}},
         200,
         "event_name,arm_num,day_offset,offset_min,offset_max,unique_event_name,",
         Match::part,
         csv_type},
        {"a setting that is none",
         demo,
         {{"content", "project_settings"}, {"data", R"({"is_longitudinal":"perhaps"})"}},
         400,
         "is_longitudinal",
         Match::part},
        {"several events cannot become none",
         demo,
         {{"content", "project_settings"}, {"data", R"({"is_longitudinal":"0"})"}},
         400,
         "cannot become a classic one",
         Match::part},
        {"project_xml",
         demo,
         {{"content", "project_xml"}, {"returnMetadataOnly", "true"}},
         200,
         R"(redcap:CheckboxChoices="-4, A | 2, B")",
         Match::part,
         xml_type},
        {"log, unknown type",
         demo,
         {{"content", "log"}, {"logtype", "x"}},
         400,
         R"(The value of the parameter \"logtype\" is not valid)",
         Match::part},
    };
    for (const auto& expected : table) {
        redcap.check(expected);
    }
    const auto project = json::parse(
        redcap.call(incoming, {{"content", "project"}, {"format", "json"}}).body, "project");
    CHECK(project.object().size() == 27);
    CHECK(project.find("is_longitudinal")->integer() == 0);
    const auto metadata = redcap.call(incoming, {{"content", "metadata"}, {"format", "json"}});
    CHECK(json::parse(metadata.body, "metadata").array().front().object().size() == 18);
}

TEST_CASE("fiona-redcapd: users are exported, imported with effect on their tokens, and deleted")
{
    const RedcapCalls redcap;
    const auto& demo = redcap.demo;
    const auto users = [&] { return redcap.call(demo, {{"content", "user"}, {"format", "json"}}); };
    const auto other = redcap.token("DEMO", "export");

    auto list = json::parse(users().body, "users");
    REQUIRE(list.array().size() == 2);
    CHECK(list.array()[0].object().size() == 37);
    CHECK(list.array()[0].text("username") == "fiona");
    CHECK(list.array()[1].find("api_import")->integer() == 0);
    CHECK(list.array()[1].find("forms")->text("imaging") == "1");

    list.array()[1].object()["api_import"] = 1;
    list.array()[1].object()["email"] = "other@example.org";
    CHECK(redcap.call(demo, {{"content", "user"}, {"format", "json"}, {"data", json::write(list)}})
              .body
          == "2");
    CHECK(redcap
              .call(other,
                    {{"content", "record"}, {"format", "json"}, {"data", R"([{"record_id":"1"}])"}})
              .status
          == 200);
    CHECK_THAT(users().body, Contains("other@example.org"));
    CHECK(redcap
              .call(demo, {{"content", "user"},
                           {"format", "csv"},
                           {"data", "username,expiration\nother,2001-01-01\n"}})
              .body
          == "1");
    CHECK(redcap.call(other, {{"content", "version"}}).status == 403);
    CHECK(redcap.call(demo, {{"content", "user"}, {"action", "delete"}, {"users[0]", "other"}}).body
          == "1");
    CHECK(rows(users()) == 1);
    CHECK(redcap.call(other, {{"content", "version"}}).status == 403);
    CHECK(redcap.call(demo, {{"content", "user"}, {"action", "delete"}, {"users[0]", "x"}}).status
          == 400);
}

TEST_CASE("fiona-redcapd: what the server leaves out is answered with 501, whatever is asked of it")
{
    const RedcapCalls redcap;
    for (const auto* const content :
         {"userRole", "userRoleMapping", "dag", "userDagMapping", "fileRepository",
          "participantList", "surveyLink", "surveyQueueLink", "surveyReturnCode",
          "surveyAccessCode", "pdf"}) {
        const std::vector<Parameters> calls{
            {},
            {{"action", "import"}, {"data", "[]"}},
            {{"action", "delete"}, {"roles[0]", "x"}, {"dags[0]", "x"}},
            {{"action", "switch"}, {"dag", "x"}},
            {{"action", "createFolder"}, {"name", "x"}},
            {{"record", "-1"}, {"instrument", "imaging"}},
        };
        for (auto parameters : calls) {
            parameters.insert(parameters.begin(), {"content", content});
            redcap.check({content, redcap.demo, parameters, 501,
                          R"({"error":"The requested method is not implemented."})"});
        }
        redcap.check({content,
                      std::string(32, '0'),
                      {{"content", content}},
                      403,
                      R"({"error":"You do not have permissions to use the API"})"});
    }
}

TEST_CASE("fiona-redcapd: a user whom nothing would keep to a group is refused")
{
    const RedcapCalls redcap;
    for (const auto* const data : {R"([{"username":"x","data_access_group":"site_a"}])",
                                   R"([{"username":"x","data_access_group_id":7}])"}) {
        const auto reply =
            redcap.call(redcap.demo, {{"content", "user"}, {"format", "json"}, {"data", data}});
        CHECK(reply.status == 400);
        CHECK_THAT(reply.body, Contains("no data access groups"));
    }
    CHECK_THAT(redcap.call(redcap.demo, {{"content", "user"}, {"format", "json"}}).body,
               !Contains(R"("x")"));
    CHECK(
        redcap
            .call(redcap.demo,
                  {{"content", "user"},
                   {"format", "json"},
                   {"data", R"([{"username":"x","data_access_group":"","data_access_groups":0}])"}})
            .body
        == "1");
}
