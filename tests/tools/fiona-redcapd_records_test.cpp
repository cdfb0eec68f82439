// SPDX-License-Identifier: MIT
// Records over HTTP, call by call: export, import, delete and rename, and every known error text.
#include "tests/support/redcap_calls.h"

#include <catch2/catch.hpp>
#include <fmt/format.h>

using Match = Expected::Match;

namespace {

constexpr const char* csv_type = "text/csv; charset=utf-8";
constexpr const char* xml_type = "text/xml; charset=utf-8";
constexpr const char* xml_head = R"(<?xml version="1.0" encoding="UTF-8" ?>)";

/// A study with one series and two transfers, and one without.
void fill(const RedcapCalls& redcap)
{
    const auto reply = redcap.call(redcap.site.token("incoming"),
                                   {{"content", "record"}, {"format", "json"}, {"data", R"([
        {"study_instance_uid":"1.9","study_description":"MR \"a, b\"","incoming_studies_complete":2},
        {"study_instance_uid":"1.10","study_description":"CT"},
        {"study_instance_uid":"1.9","redcap_repeat_instrument":"series","redcap_repeat_instance":"7",
         "series_instance_uid":"1.9.1"},
        {"study_instance_uid":"1.9","redcap_repeat_instrument":"transfers",
         "redcap_repeat_instance":"1","transfer_project_name":"DEMO"},
        {"study_instance_uid":"1.9","redcap_repeat_instrument":"transfers",
         "redcap_repeat_instance":"2","transfer_project_name":"OTHER","transfer_error___3":"1"}])"}});
    REQUIRE(reply.body == R"({"count":2})");
    REQUIRE(redcap
                .call(redcap.demo, {{"content", "record"}, {"format", "json"}, {"data", R"([
        {"record_id":"P2","redcap_event_name":"01_arm_1","first_name":"b"},
        {"record_id":"P2","first_name":"a","age":"1.5","sex":"1"},
        {"record_id":"P2","redcap_repeat_instrument":"imaging","redcap_repeat_instance":"1",
         "img_event_name":"01_arm_1"}])"}})
                .body
            == R"({"count":1})");
}

} // namespace

TEST_CASE("fiona-redcapd: every error text of the protocol, with its status")
{
    const RedcapCalls redcap;
    fill(redcap);
    const auto incoming = redcap.site.token("incoming");
    const auto reader = redcap.token("incoming", "export");
    const auto error = [](const std::string& text) { return R"({"error":")" + text + R"("})"; };
    const std::vector<Expected> table{
        {"wrong token",
         "00000000000000000000000000000000",
         {{"content", "record"}},
         403,
         error("You do not have permissions to use the API")},
        {"wrong token, csv",
         "X",
         {{"content", "record"}, {"format", "csv"}},
         403,
         "ERROR: You do not have permissions to use the API",
         Match::whole,
         csv_type},
        {"wrong token, xml without a format",
         "X",
         {{"content", "record"}, {"format", ""}},
         403,
         std::string{xml_head}
             + "<hash><error>You do not have permissions to use the API</error></hash>",
         Match::whole,
         xml_type},
        {"no import right",
         reader,
         {{"content", "record"}, {"data", "[]"}},
         403,
         error("You do not have API Import/Update privileges")},
        {"no delete right",
         reader,
         {{"content", "record"}, {"action", "delete"}, {"records[0]", "1.9"}},
         403,
         error("You do not have Delete Record privileges")},
        {"no logging right",
         reader,
         {{"content", "log"}},
         403,
         error("You do not have Logging privileges")},
        {"no user rights",
         reader,
         {{"content", "user"}, {"data", "[]"}},
         403,
         error("You do not have User Rights privileges")},
        {"no export right",
         redcap.token("incoming", "import"),
         {{"content", "record"}},
         403,
         error("You do not have API Export privileges")},
        {"bad content",
         incoming,
         {{"content", "records"}},
         400,
         error(R"(The value of the parameter \"content\" is not valid)")},
        {"unknown fields, pseudo-fields among them",
         incoming,
         {{"content", "record"},
          {"fields[0]", "x"},
          {"fields[1]", "study_date"},
          {"fields[2]", "redcap_repeat_instance"},
          {"fields[3]", "redcap_event_name"}},
         400,
         error(R"(The following values in the parameter \"fields\" are not valid: 'x', )"
               R"('redcap_repeat_instance', 'redcap_event_name')")},
        {"events of a classic project",
         incoming,
         {{"content", "event"}},
         400,
         error("You cannot export events for classic projects")},
        {"arms of a classic project",
         incoming,
         {{"content", "arm"}},
         400,
         error("You cannot export arms for classic projects")},
        {"mappings of a classic project",
         incoming,
         {{"content", "formEventMapping"}},
         400,
         error("You cannot export form/event mappings for classic projects")},
        {"nothing repeats",
         redcap.site.token("autoid"),
         {{"content", "repeatingFormsEvents"}},
         400,
         error("You cannot export repeating instruments and events because the project does not "
               "contain any repeating instruments and events")},
        {"delete of unknown records",
         incoming,
         {{"content", "record"},
          {"action", "delete"},
          {"records[0]", "1"},
          {"records[1]", "1.9"},
          {"records[2]", "2"}},
         400,
         error("One or more of the records provided cannot be deleted because they do not exist in "
               "the project. The following records do not exist: 1, 2")},
        {"unknown event",
         redcap.demo,
         {{"content", "record"},
          {"data", R"([{"record_id":"P","redcap_event_name":"v1_arm_1_arm_1"}])"}},
         400,
         error("The following values of redcap_event_name are invalid: v1_arm_1_arm_1")},
        {"unknown field",
         incoming,
         {{"content", "record"}, {"data", R"([{"study_instance_uid":"1","baz":"","foo":"2"}])"}},
         400,
         error("The following fields were not found in the project as real data fields: baz, foo")},
        {"invalid value",
         incoming,
         {{"content", "record"},
          {"data", R"([{"study_instance_uid":"1","study_arrival_date":"2024-01-02 10:30:11"}])"}},
         400,
         error(R"(\"1\",\"study_arrival_date\",\"2024-01-02 10:30:11\",\"The value you provided )"
               R"(could not be validated because it does not follow the expected format. )"
               R"(Please try again.\")")},
        {"badly formatted data",
         incoming,
         {{"content", "record"}, {"data", "[{"}},
         406,
         "The data being imported is not formatted correctly",
         Match::part},
        {"an object instead of an array",
         incoming,
         {{"content", "record"}, {"data", R"({"study_instance_uid":"1"})"}},
         400,
         "it must be an array of objects",
         Match::part},
        {"no file field",
         incoming,
         {{"content", "file"}, {"action", "export"}, {"record", "1.9"}, {"field", "study_date"}},
         400,
         error("The field 'study_date' does not exist or is not a 'file' field")},
        {"file of an unknown record",
         redcap.site.token("dtp"),
         {{"content", "file"}, {"action", "export"}, {"record", "-1"}, {"field", "x"}},
         400,
         error(R"(The record \"-1\" does not exist)")},
        {"not implemented",
         incoming,
         {{"content", "surveyLink"}},
         501,
         error("The requested method is not implemented.")},
        {"bad filter",
         incoming,
         {{"content", "record"}, {"filterLogic", "[study_date"}},
         400,
         R"(The value of the parameter \"filterLogic\" is not valid)",
         Match::part},
        {"bad time",
         incoming,
         {{"content", "record"}, {"dateRangeBegin", "yesterday"}},
         400,
         R"(The value of the parameter \"dateRangeBegin\" is not valid)",
         Match::part},
    };
    for (const auto& expected : table) {
        redcap.check(expected);
    }
    CHECK(redcap
              .call(incoming,
                    {{"content", "record"}, {"format", "csv"}, {"fields", "study_instance_uid"}})
              .body
          == "study_instance_uid,redcap_repeat_instrument,redcap_repeat_instance\n1.9,,\n1.10,,\n");
}

TEST_CASE("fiona-redcapd: export of records, parameter by parameter")
{
    const RedcapCalls redcap;
    fill(redcap);
    const auto incoming = redcap.site.token("incoming");
    const auto with = [](Parameters parameters) {
        parameters.emplace_back("content", "record");
        return parameters;
    };
    const std::string descriptions =
        R"([{"study_description":"MR \"a, b\""},{"study_description":"CT"}])";
    const std::vector<Expected> table{
        {"fields, PHP style", incoming, with({{"fields[0]", "study_description"}}), 200,
         descriptions},
        {"fields, brackets without number", incoming, with({{"fields[]", "study_description"}}),
         200, descriptions},
        {"fields, one value with commas", incoming,
         with({{"fields", "study_description,study_date"}, {"records", "1.10"}}), 200,
         R"([{"study_description":"CT","study_date":""}])"},
        {"an empty array is absent", incoming,
         with({{"fields", "study_description"}, {"records", ""}, {"arms", ""}}), 200, descriptions},
        {"action=export and csvDelimiter=, as old scripts send them", incoming,
         with({{"action", "export"}, {"csvDelimiter", ""}, {"fields", "study_description"}}), 200,
         descriptions},
        {"misspelled arrays are ignored", incoming,
         with({{"field[0]", "x"}, {"record[0]", "y"}, {"fields[0]", "study_description"}}), 200,
         descriptions},
        {"csv", incoming,
         with({{"format", "csv"}, {"fields", "study_instance_uid,study_description"}}), 200,
         "study_instance_uid,redcap_repeat_instrument,redcap_repeat_instance,study_description\n"
         "1.9,,,\"MR \"\"a, b\"\"\"\n1.10,,,CT\n",
         Match::whole, csv_type},
        {"csvDelimiter", incoming,
         with({{"format", "csv"},
               {"csvDelimiter", "tab"},
               {"fields", "study_date,study_description"},
               {"records", "1.10"}}),
         200, "study_description\tstudy_date\nCT\t\n", Match::whole, csv_type},
        {"csvDelimiter ;", incoming,
         with({{"format", "csv"},
               {"csvDelimiter", ";"},
               {"fields", "study_date,study_description"},
               {"records", "1.10"}}),
         200, "study_description;study_date\nCT;\n", Match::whole, csv_type},
        {"xml", incoming, with({{"format", "xml"}, {"fields", "study_description"}}), 200,
         std::string{xml_head}
             + "<records><item><study_description><![CDATA[MR \"a, b\"]]></study_description>"
               "</item><item><study_description><![CDATA[CT]]></study_description></item></"
               "records>",
         Match::whole, xml_type},
        {"xml is the default", incoming,
         with({{"format", ""}, {"fields", "study_description"}, {"records", "1.10"}}), 200,
         std::string{xml_head}
             + "<records><item><study_description><![CDATA[CT]]></study_description></item>"
               "</records>",
         Match::whole, xml_type},
        {"no rows, json", incoming, with({{"records[0]", "none"}}), 200, "[]"},
        {"no rows, xml", incoming, with({{"format", "xml"}, {"records[0]", "none"}}), 200,
         std::string{xml_head} + "<records></records>", Match::whole, xml_type},
        {"forms bring their fields and states", incoming,
         with({{"forms[0]", "series"}, {"format", "csv"}, {"records", "1.10"}}), 200,
         "series_complete\n", Match::part, csv_type},
        {"instances are integers, other forms blank", incoming,
         with({{"fields", "study_instance_uid,transfer_project_name"}, {"records", "1.9"}}), 200,
         R"([{"study_instance_uid":"1.9","redcap_repeat_instrument":"","redcap_repeat_instance":"","transfer_project_name":""},)"
         R"({"study_instance_uid":"1.9","redcap_repeat_instrument":"transfers","redcap_repeat_instance":1,"transfer_project_name":"DEMO"},)"
         R"({"study_instance_uid":"1.9","redcap_repeat_instrument":"transfers","redcap_repeat_instance":2,"transfer_project_name":"OTHER"}])"},
        {"events", redcap.demo,
         with({{"events[0]", "01_arm_1"}, {"fields", "record_id,first_name"}}), 200,
         R"([{"record_id":"P2","redcap_event_name":"01_arm_1","redcap_repeat_instrument":"","redcap_repeat_instance":"","first_name":"b"}])"},
        {"rawOrLabel", redcap.demo,
         with({{"rawOrLabel", "label"}, {"fields", "record_id,sex"}, {"events", "event_1_arm_1"}}),
         200,
         R"([{"record_id":"P2","redcap_event_name":"Event 1","redcap_repeat_instrument":"","redcap_repeat_instance":"","sex":"Male"}])"},
        {"eventName is accepted", redcap.demo,
         with({{"eventName", "label"}, {"fields", "sex"}, {"events", "event_1_arm_1"}}), 200,
         R"([{"sex":"1"}])"},
        {"rawOrLabelHeaders", redcap.demo,
         with({{"format", "csv"},
               {"rawOrLabelHeaders", "label"},
               {"fields", "record_id,sex,participant_complete"},
               {"events", "01_arm_1"}}),
         200,
         "Participant,\"Event Name\",\"Repeat Instrument\",\"Repeat Instance\",Sex,Complete?\n"
         "P2,01_arm_1,,,,0\n",
         Match::whole, csv_type},
        {"checkbox labels", incoming,
         with({{"rawOrLabel", "label"},
               {"fields", "transfer_error"},
               {"filterLogic", "[transfer_project_name]='OTHER'"}}),
         200,
         R"([{"transfer_error___1":"Unchecked","transfer_error___2":"Unchecked","transfer_error___3":"Checked"}])"},
        {"exportCheckboxLabel", incoming,
         with({{"rawOrLabel", "label"},
               {"exportCheckboxLabel", "True"},
               {"fields", "transfer_error"},
               {"filterLogic", "[transfer_error(3)]=1"}}),
         200,
         R"([{"transfer_error___1":"","transfer_error___2":"","transfer_error___3":"Performed pixel anonymization"}])"},
        {"combineCheckboxOptions", incoming,
         with({{"combineCheckboxOptions", "true"},
               {"fields", "transfer_error"},
               {"filterLogic", "[transfer_error(3)]=1"}}),
         200, R"([{"transfer_error":"3"}])"},
        {"survey and group columns are tolerated", incoming,
         with({{"exportSurveyFields", "true"},
               {"exportDataAccessGroups", "true"},
               {"fields", "study_description"}}),
         200, descriptions},
        {"exportBlankForGrayFormStatus", redcap.demo,
         with({{"exportBlankForGrayFormStatus", "true"},
               {"fields", "imaging_complete"},
               {"events", "01_arm_1"}}),
         200, R"([{"imaging_complete":""}])"},
        {"decimalCharacter", redcap.demo,
         with({{"decimalCharacter", ","}, {"fields", "age"}, {"events", "event_1_arm_1"}}), 200,
         R"([{"age":"1,5"}])"},
        {"filterLogic as the original scripts write it", incoming,
         with({{"filterLogic", R"([transfer_project_name]="DEMO")"},
               {"fields", "transfer_project_name"}}),
         200, R"([{"transfer_project_name":"DEMO"}])"},
        {"filterLogic, all operators", redcap.demo,
         with({{"filterLogic", "([age] > 1 and [age] <= 1.5) and not ([sex] <> '1' or [sex] != 1) "
                               "&& ([first_name] = \"a\" || [age] < 0 or [age] >= 9)"},
               {"fields", "first_name"}}),
         200, R"([{"first_name":"a"}])"},
        {"filterLogic with an event", redcap.demo,
         with({{"filterLogic", "[event_1_arm_1][sex] = '1'"},
               {"fields", "first_name"},
               {"events", "01_arm_1"}}),
         200, R"([{"first_name":"b"}])"},
        {"dateRangeBegin in the future", incoming,
         with({{"dateRangeBegin", "2100-01-01 00:00:00"}}), 200, "[]"},
        {"dateRangeEnd in the past", incoming, with({{"dateRangeEnd", "2001-01-01 00:00:00"}}), 200,
         "[]"},
        {"a date range brings whole records", incoming,
         with({{"dateRangeBegin", "2001-01-01 00:00:00"}, {"fields", "study_description"}}), 200,
         descriptions},
        {"eav", incoming,
         with({{"type", "eav"},
               {"fields", "study_instance_uid,transfer_error"},
               {"records", "1.9"}}),
         200,
         R"([{"record":"1.9","redcap_repeat_instrument":"","redcap_repeat_instance":"","field_name":"study_instance_uid","value":"1.9"},)"
         R"({"record":"1.9","redcap_repeat_instrument":"transfers","redcap_repeat_instance":2,"field_name":"transfer_error","value":"3"}])"},
        {"eav, csv", redcap.demo, with({{"type", "eav"}, {"format", "csv"}, {"fields", "sex"}}),
         200,
         "record,redcap_event_name,redcap_repeat_instrument,redcap_repeat_instance,field_name,"
         "value\n"
         "P2,event_1_arm_1,,,sex,1\n",
         Match::whole, csv_type},
        {"eav, xml", redcap.site.token("autoid"), with({{"type", "eav"}, {"format", "xml"}}), 200,
         std::string{xml_head} + "<records></records>", Match::whole, xml_type},
        {"odm", incoming, with({{"format", "odm"}, {"records", "1.10"}}), 200,
         R"(<ItemData ItemOID="study_description" Value="CT"/>)", Match::part, xml_type},
    };
    for (const auto& expected : table) {
        redcap.check(expected);
    }
}

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
    fill(redcap);
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
