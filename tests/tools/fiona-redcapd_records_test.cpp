// SPDX-License-Identifier: MIT
// Records over HTTP, call by call: export, and every known error text.
#include "tests/support/redcap_calls.h"

#include <catch2/catch.hpp>
#include <fmt/format.h>

using Match = Expected::Match;

namespace {

constexpr const char* csv_type = "text/csv; charset=utf-8";
constexpr const char* xml_type = "text/xml; charset=utf-8";
constexpr const char* xml_head = R"(<?xml version="1.0" encoding="UTF-8" ?>)";

} // namespace

TEST_CASE("fiona-redcapd: every error text of the protocol, with its status")
{
    const RedcapCalls redcap;
    fill_with_records(redcap);
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
    fill_with_records(redcap);
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
