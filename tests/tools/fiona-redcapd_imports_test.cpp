// SPDX-License-Identifier: MIT
// Records over HTTP, call by call: import, delete and rename.
#include "tests/support/redcap_calls.h"

#include <catch2/catch.hpp>
#include <fmt/format.h>

using Match = Expected::Match;

namespace {

constexpr const char* csv_type = "text/csv; charset=utf-8";
constexpr const char* xml_type = "text/xml; charset=utf-8";
constexpr const char* xml_head = R"(<?xml version="1.0" encoding="UTF-8" ?>)";

} // namespace

TEST_CASE("fiona-redcapd: import of records, parameter by parameter")
{
    const RedcapCalls redcap;
    const auto autoid = redcap.site.token("autoid");
    const auto with = [](Parameters parameters) {
        parameters.emplace_back("content", "record");
        return parameters;
    };
    const std::string xml =
        "<?xml version=\"1.0\" encoding=\"UTF-8\" ?><records><item><record_id>4"
        "</record_id><autoid_value><![CDATA[a<b]]></autoid_value></item></records>";
    const std::vector<Expected> table{
        {"count of records, not rows", autoid,
         with({{"data",
                R"([{"record_id":"1"},{"record_id":2},{"record_id":"1","autoid_value":"x"}])"}}),
         200, R"({"count":2})"},
        {"count, csv", autoid,
         with({{"format", "csv"}, {"data", "record_id,autoid_value\n3,\"b, \"\"c\"\"\"\n"}}), 200,
         "1", Match::whole, csv_type},
        {"count, xml", autoid, with({{"format", "xml"}, {"data", xml}}), 200,
         std::string{xml_head} + "<count>1</count>", Match::whole, xml_type},
        {"returnFormat differs from format", autoid,
         with({{"format", "xml"}, {"returnFormat", "json"}, {"data", xml}}), 200, R"({"count":1})"},
        {"csvDelimiter", autoid,
         with({{"format", "csv"},
               {"csvDelimiter", ";"},
               {"returnFormat", "json"},
               {"data", "record_id;autoid_value\n3;b\n"}}),
         200, R"({"count":1})"},
        {"ids", autoid, with({{"returnContent", "ids"}, {"data", R"([{"record_id":"1"}])"}}), 200,
         R"(["1"])"},
        {"ids, csv", autoid,
         with({{"returnContent", "ids"}, {"format", "csv"}, {"data", "record_id\n1\n"}}), 200,
         "id\n1\n", Match::whole, csv_type},
        {"ids, xml", autoid, with({{"returnContent", "ids"}, {"format", "xml"}, {"data", xml}}),
         200, std::string{xml_head} + "<ids><id>4</id></ids>", Match::whole, xml_type},
        {"auto_ids", autoid,
         with({{"returnContent", "auto_ids"},
               {"forceAutoNumber", "true"},
               {"data", R"([{"record_id":"1"}])"}}),
         200, R"(["5,1"])"},
        {"nothing", autoid,
         with({{"returnContent", "nothing"}, {"data", R"([{"record_id":"1"}])"}}), 200, "[{}]"},
        {"in the background", autoid,
         with({{"backgroundProcess", "1"}, {"data", R"([{"record_id":"1"}])"}}), 200,
         R"({"success":true})"},
        {"overwriteBehavior=normal ignores blanks", autoid,
         with({{"overwriteBehavior", "normal"},
               {"data", R"([{"record_id":"1","autoid_value":""}])"}}),
         200, R"({"count":1})"},
        {"... and x is still there", autoid, with({{"fields", "autoid_value"}, {"records", "1"}}),
         200, R"([{"autoid_value":"x"}])"},
        {"overwriteBehavior=overwrite erases", autoid,
         with({{"overwriteBehavior", "overwrite"},
               {"data", R"([{"record_id":"1","autoid_value":""}])"}}),
         200, R"({"count":1})"},
        {"... and x is gone", autoid, with({{"fields", "autoid_value"}, {"records", "1"}}), 200,
         R"([{"autoid_value":""}])"},
        {"numbers and null", autoid,
         with({{"data", R"([{"record_id":9,"autoid_value":7,"autoid_hash":null}])"}}), 200,
         R"({"count":1})"},
        {"a missing event is the first", redcap.demo,
         with({{"data", R"([{"record_id":"P","first_name":"a"}])"}}), 200, R"({"count":1})"},
        {"dateFormat DMY", redcap.demo,
         with({{"dateFormat", "DMY"}, {"data", R"([{"record_id":"P","dob":"31/1/2001"}])"}}), 200,
         R"({"count":1})"},
        {"dateFormat MDY", redcap.demo,
         with({{"dateFormat", "MDY"}, {"data", R"([{"record_id":"Q","dob":"01-31-2001"}])"}}), 200,
         R"({"count":1})"},
        {"both are stored year first", redcap.demo, with({{"fields", "dob"}}), 200,
         R"([{"dob":"2001-01-31"},{"dob":"2001-01-31"}])"},
        {"an American date is none in DMY", redcap.demo,
         with({{"dateFormat", "DMY"}, {"data", R"([{"record_id":"P","dob":"01/31/2001"}])"}}), 400,
         "could not be validated", Match::part},
        {"instance new", redcap.demo,
         with({{"data", R"([{"record_id":"P","redcap_repeat_instrument":"imaging",
                             "redcap_repeat_instance":"new","img_event_name":"x"}])"}}),
         200, R"({"count":1})"},
        {"eav, a field", redcap.demo,
         with({{"type", "eav"},
               {"data", R"([{"record":"P","redcap_event_name":"01_arm_1","field_name":"last_name",
                             "value":"z"},
                            {"record":"P","redcap_event_name":"event_1_arm_1",
                             "redcap_repeat_instrument":"imaging","redcap_repeat_instance":"1",
                             "field_name":"img_study_description","value":"y"}])"}}),
         200, R"({"count":1})"},
        {"... is there", redcap.demo,
         with({{"fields", "last_name,img_study_description"}, {"records", "P"}}), 200,
         R"([{"last_name":"","img_study_description":""},{"last_name":"","img_study_description":"y"},{"last_name":"z","img_study_description":""}])"},
        {"eav, a checkbox", redcap.site.token("dtp"),
         with({{"type", "eav"},
               {"data", R"([{"record":"D","field_name":"project_features","value":"1"}])"}}),
         200, R"({"count":1})"},
        {"... is checked", redcap.site.token("dtp"),
         with({{"fields", "project_features"}, {"combineCheckboxOptions", "true"}}), 200,
         R"([{"project_features":"1"}])"},
        {"eav, unknown code", redcap.site.token("dtp"),
         with({{"type", "eav"},
               {"data", R"([{"record":"D","field_name":"project_features","value":"99"}])"}}),
         400, "project_features(99)", Match::part},
        {"only key columns", autoid, with({{"data", R"([{"record_id":"1"}])"}}), 200,
         R"({"count":1})"},
        {"one bad row rejects all", autoid,
         with({{"data", R"([{"record_id":"77"},{"record_id":"78","autoid_method":"9"}])"}}), 400,
         "The value is not a valid category for autoid_method", Match::part},
        {"... and none is there", autoid, with({{"records[0]", "77"}}), 200, "[]"},
        {"XML with a document type", autoid,
         with({{"format", "xml"},
               {"data", "<!DOCTYPE r [<!ENTITY e \"x\">]><records><item><record_id>&e;</record_id>"
                        "</item></records>"}}),
         406, "document type", Match::part, xml_type},
        {"the log names what happened",
         autoid,
         {{"content", "log"}, {"logtype", "record_add"}, {"record", "9"}, {"format", "csv"}},
         200,
         "Create record (API) 9",
         Match::part,
         csv_type},
    };
    for (const auto& expected : table) {
        redcap.check(expected);
    }
}

TEST_CASE("fiona-redcapd: records are deleted and renamed, whole and in part")
{
    const RedcapCalls redcap;
    fill_with_records(redcap);
    const auto incoming = redcap.site.token("incoming");
    const auto erase = [](Parameters parameters) {
        parameters.insert(parameters.begin(), {{"content", "record"}, {"action", "delete"}});
        return parameters;
    };
    const Parameters rows{
        {"content", "record"}, {"format", "csv"}, {"fields", "study_instance_uid,transfer_name"}};
    const std::vector<Expected> table{
        {"an instance of a form", incoming,
         erase({{"records[0]", "1.9"}, {"instrument", "transfers"}, {"repeat_instance", "1"}}), 200,
         "1"},
        {"... again changes nothing", incoming,
         erase({{"records[0]", "1.9"}, {"instrument", "transfers"}, {"repeat_instance", "1"}}), 200,
         "1"},
        {"... and the other one is left", incoming, rows, 200,
         "study_instance_uid,redcap_repeat_instrument,redcap_repeat_instance,transfer_name\n"
         "1.9,,,\n1.9,transfers,2,\n1.10,,,\n",
         Match::whole, csv_type},
        {"which instance must be said", incoming,
         erase({{"records[0]", "1.9"}, {"instrument", "transfers"}}), 400,
         R"(The value of the parameter \"repeat_instance\" is not valid)", Match::part},
        {"a form", incoming, erase({{"records[0]", "1.9"}, {"instrument", "incoming_studies"}}),
         200, "1"},
        {"... is blank",
         incoming,
         {{"content", "record"}, {"fields", "study_description"}, {"records", "1.9"}},
         200,
         R"([{"study_description":""}])"},
        {"an event is needed with a form", redcap.demo,
         erase({{"records[0]", "P2"}, {"instrument", "participant"}}), 400,
         R"(\"event\" is missing)", Match::part},
        {"an event", redcap.demo, erase({{"records[0]", "P2"}, {"event", "01_arm_1"}}), 200, "1"},
        {"... is gone",
         redcap.demo,
         {{"content", "record"}, {"fields", "first_name"}, {"format", "csv"}},
         200,
         "first_name\na\n",
         Match::whole,
         csv_type},
        {"an arm", redcap.demo, erase({{"records[0]", "P2"}, {"arm", "2"}}), 400,
         R"(The value of the parameter \"arm\" is not valid)", Match::part},
        {"csv answers the bare number, too", incoming,
         erase({{"records", "1.9,1.10"}, {"returnFormat", "csv"}, {"delete_logging", "0"}}), 200,
         "2", Match::whole, csv_type},
        {"nothing is left", incoming, {{"content", "record"}}, 200, "[]"},
        {"the log tells deletions",
         incoming,
         {{"content", "log"}, {"logtype", "record_delete"}, {"format", "csv"}},
         200,
         "Delete record (API) 1.9",
         Match::part,
         csv_type},
        {"rename",
         redcap.demo,
         {{"content", "record"},
          {"action", "rename"},
          {"record", "P2"},
          {"new_record_name", "P3"},
          {"arm", "1"}},
         200,
         "1"},
        {"... moved all rows",
         redcap.demo,
         {{"content", "record"},
          {"fields", "record_id,first_name,img_event_name"},
          {"format", "csv"}},
         200,
         "record_id,redcap_event_name,redcap_repeat_instrument,redcap_repeat_instance,first_name,"
         "img_event_name\nP3,event_1_arm_1,,,a,\nP3,event_1_arm_1,imaging,1,,01_arm_1\n",
         Match::whole,
         csv_type},
        {"rename of an unknown record",
         redcap.demo,
         {{"content", "record"}, {"action", "rename"}, {"record", "P2"}, {"new_record_name", "P4"}},
         400,
         R"(The record \"P2\" does not exist)",
         Match::part},
        {"a second record",
         redcap.demo,
         {{"content", "record"}, {"data", R"([{"record_id":"P4"}])"}},
         200,
         R"({"count":1})"},
        {"rename over another record",
         redcap.demo,
         {{"content", "record"}, {"action", "rename"}, {"record", "P3"}, {"new_record_name", "P4"}},
         400,
         R"(The record \"P4\" already exists)",
         Match::part},
    };
    for (const auto& expected : table) {
        redcap.check(expected);
    }
}
