// SPDX-License-Identifier: MIT
#include "libfiona/base/json.h"
#include "libfiona/redcapd/record_rows.h"
#include "tests/unit/redcapd/server_fixture.h"

#include <catch2/catch.hpp>

#include <algorithm>

using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;

namespace {

/// Two studies; the second has a series and two transfers.
void fill_incoming(const Server& server)
{
    const auto answer = server.put("incoming", R"([
        {"study_instance_uid":"1.10","study_description":"CT"},
        {"study_instance_uid":"1.9","study_description":"MR","incoming_studies_complete":"2"},
        {"study_instance_uid":"1.9","redcap_repeat_instrument":"transfers",
         "redcap_repeat_instance":2,"transfer_project_name":"OTHER","transfer_error___3":"1"},
        {"study_instance_uid":"1.9","redcap_repeat_instrument":"transfers",
         "redcap_repeat_instance":1,"transfer_project_name":"DEMO"},
        {"study_instance_uid":"1.9","redcap_repeat_instrument":"series",
         "redcap_repeat_instance":7,"series_instance_uid":"1.9.1"}])");
    REQUIRE(answer.body == R"({"count":2})");
}

} // namespace

TEST_CASE("export: what the parameters choose is exactly what comes back")
{
    const Server server;
    fill_incoming(server);
    const auto [parameters, body] = GENERATE(table<Server::Parameters, std::string>({
        // base rows only: no repeating form has a wanted field
        {{{"fields[0]", "study_instance_uid"}, {"fields[1]", "study_description"}},
         R"([{"study_instance_uid":"1.9","redcap_repeat_instrument":"","redcap_repeat_instance":"","study_description":"MR"},)"
         R"({"study_instance_uid":"1.10","redcap_repeat_instrument":"","redcap_repeat_instance":"","study_description":"CT"}])"},
        // all three spellings of an array; dictionary order, not the order asked for
        {{{"fields", "study_date,study_description"}, {"records[]", "1.10"}},
         R"([{"study_description":"CT","study_date":""}])"},
        {{{"fields[]", "study_date"}, {"fields[]", "study_description"}, {"records", "1.10"}},
         R"([{"study_description":"CT","study_date":""}])"},
        // instances follow the base row, by number; theirs is the only form that is not blank
        {{{"fields[0]", "study_instance_uid"},
          {"fields[1]", "transfer_project_name"},
          {"records[0]", "1.9"}},
         R"([{"study_instance_uid":"1.9","redcap_repeat_instrument":"","redcap_repeat_instance":"","transfer_project_name":""},)"
         R"({"study_instance_uid":"1.9","redcap_repeat_instrument":"transfers","redcap_repeat_instance":1,"transfer_project_name":"DEMO"},)"
         R"({"study_instance_uid":"1.9","redcap_repeat_instrument":"transfers","redcap_repeat_instance":2,"transfer_project_name":"OTHER"}])"},
        // a checkbox is a column per choice: blank on rows of other forms, "0" where unset
        {{{"fields[0]", "transfer_error"}, {"records[0]", "1.9"}},
         R"([{"transfer_error___1":"","transfer_error___2":"","transfer_error___3":""},)"
         R"({"transfer_error___1":"0","transfer_error___2":"0","transfer_error___3":"0"},)"
         R"({"transfer_error___1":"0","transfer_error___2":"0","transfer_error___3":"1"}])"},
        // the state of a form
        {{{"fields[0]", "incoming_studies_complete"}},
         R"([{"incoming_studies_complete":"2"},{"incoming_studies_complete":"0"}])"},
        // labels
        {{{"fields[0]", "transfer_error"},
          {"fields[1]", "incoming_studies_complete"},
          {"records[0]", "1.9"},
          {"rawOrLabel", "label"},
          {"filterLogic", "[transfer_project_name] = 'OTHER'"}},
         R"([{"incoming_studies_complete":"","transfer_error___1":"Unchecked","transfer_error___2":"Unchecked","transfer_error___3":"Checked"}])"},
        {{{"fields[0]", "transfer_error"},
          {"records[0]", "1.9"},
          {"rawOrLabel", "label"},
          {"exportCheckboxLabel", "true"},
          {"filterLogic", "[transfer_project_name] = 'OTHER'"}},
         R"([{"transfer_error___1":"","transfer_error___2":"","transfer_error___3":"Performed pixel anonymization"}])"},
        // a filter makes rows of the instances it can tell apart, and sees base values from them
        {{{"fields[0]", "study_instance_uid"},
          {"filterLogic", R"([transfer_project_name]="DEMO" and [study_description]="MR")"}},
         R"([{"study_instance_uid":"1.9","redcap_repeat_instrument":"transfers","redcap_repeat_instance":1}])"},
        {{{"fields[0]", "study_description"}, {"filterLogic", "[study_instance_uid] = '1.10'"}},
         R"([{"study_description":"CT"}])"},
        {{{"fields[0]", "transfer_project_name"}, {"filterLogic", "[transfer_error(3)] = 1"}},
         R"([{"transfer_project_name":"OTHER"}])"},
        // unknown records and parameters are ignored
        {{{"records[0]", "nothing"}, {"field[0]", "nothing"}, {"record_id", "x"}}, "[]"},
        {{{"fields[0]", "study_description"}, {"record[0]", "1.9"}, {"events[0]", "x"}},
         R"([{"study_description":"MR"},{"study_description":"CT"}])"},
    }));
    CAPTURE(parameters);

    CHECK(server.get("incoming", parameters) == body);
}

TEST_CASE("export: all columns come in the order of the dictionary, states after their form")
{
    const Server server;
    fill_incoming(server);

    const auto csv = server.get("incoming", {{"format", "csv"}, {"records[0]", "1.10"}});

    CHECK_THAT(csv, StartsWith("study_instance_uid,redcap_repeat_instrument,redcap_repeat_instance,"
                               "study_institution_name,study_aetitle_sender,"));
    CHECK_THAT(csv, Contains(",study_arrival_date,incoming_studies_complete,series_instance_uid,"));
    CHECK_THAT(csv, Contains(",transfer_event_name,transfer_date,transfer_error___1,"));
    CHECK_THAT(csv, !Contains("transfer_info_text")); // descriptive
}

TEST_CASE("export: forms bring all of their fields, and the record id only if it is one of them")
{
    const Server server;
    fill_incoming(server);

    const auto series = server.get("incoming", {{"forms[0]", "series"}, {"records[0]", "1.9"}});
    const auto both = server.get(
        "incoming", {{"forms", "series"}, {"fields", "study_instance_uid"}, {"records", "1.10"}});

    const auto rows = fiona::json::parse(series, "series").array();
    REQUIRE(rows.size() == 2);
    CHECK(rows[1].text("series_instance_uid") == "1.9.1");
    CHECK(rows[1].text("series_complete") == "0");
    CHECK(rows[1].find("study_instance_uid") == nullptr);
    CHECK(rows[1].find("redcap_repeat_instance") == nullptr);
    CHECK_THAT(both, StartsWith(R"([{"study_instance_uid":"1.10","redcap_repeat_instrument":"",)"));
}

TEST_CASE("export: a form never saved is blank when gray states are asked for")
{
    const Server server;
    REQUIRE(server.put("incoming", R"([{"study_instance_uid":"1.2"}])").status == 200);
    const Server::Parameters parameters{{"fields[0]", "incoming_studies_complete"}};

    auto gray = parameters;
    gray.emplace_back("exportBlankForGrayFormStatus", "true");

    CHECK(server.get("incoming", parameters) == R"([{"incoming_studies_complete":"0"}])");
    CHECK(server.get("incoming", gray) == R"([{"incoming_studies_complete":""}])");
}

TEST_CASE("export: a longitudinal project has a row for every event that holds data")
{
    const Server server;
    REQUIRE(server
                .put("DEMO", R"([
        {"record_id":"DEMO_0002","redcap_event_name":"baseline_arm_1","first_name":"b"},
        {"record_id":"DEMO_0002","first_name":"a","sex":"1"},
        {"record_id":"DEMO_0002","redcap_event_name":"event_1_arm_1",
         "redcap_repeat_instrument":"imaging","redcap_repeat_instance":"1",
         "img_event_name":"baseline_arm_1"}])")
                .body
            == R"({"count":1})");
    const auto [parameters, body] = GENERATE(table<Server::Parameters, std::string>({
        {{{"fields", "record_id,first_name"}},
         R"([{"record_id":"DEMO_0002","redcap_event_name":"event_1_arm_1","redcap_repeat_instrument":"","redcap_repeat_instance":"","first_name":"a"},)"
         R"({"record_id":"DEMO_0002","redcap_event_name":"baseline_arm_1","redcap_repeat_instrument":"","redcap_repeat_instance":"","first_name":"b"}])"},
        {{{"fields", "record_id,first_name"}, {"events[0]", "baseline_arm_1"}},
         R"([{"record_id":"DEMO_0002","redcap_event_name":"baseline_arm_1","redcap_repeat_instrument":"","redcap_repeat_instance":"","first_name":"b"}])"},
        {{{"fields", "first_name,img_event_name"}, {"events[0]", "event_1_arm_1"}},
         R"([{"first_name":"a","img_event_name":""},{"first_name":"","img_event_name":"baseline_arm_1"}])"},
        // the pseudo columns come with the record id only
        {{{"fields", "sex"}, {"rawOrLabel", "label"}}, R"([{"sex":"Male"},{"sex":""}])"},
        {{{"fields", "record_id"}, {"rawOrLabel", "label"}, {"events", "event_1_arm_1"}},
         R"([{"record_id":"DEMO_0002","redcap_event_name":"Event 1","redcap_repeat_instrument":"","redcap_repeat_instance":""}])"},
        {{{"fields", "first_name"}, {"filterLogic", "[event_1_arm_1][sex] = '1'"}},
         R"([{"first_name":"a"},{"first_name":"b"}])"},
        {{{"fields", "first_name"}, {"filterLogic", "[sex] = '1'"}}, R"([{"first_name":"a"}])"},
    }));
    CAPTURE(parameters);

    CHECK(server.get("DEMO", parameters) == body);
}

TEST_CASE("export: a repeating event has numbered rows without an instrument")
{
    const Server server;
    REQUIRE(server
                .call("DEMO", {{"content", "repeatingFormsEvents"},
                               {"data", R"([{"event_name":"01_arm_1","form_name":""}])"}})
                .body
            == "1");
    REQUIRE(server
                .put("DEMO", R"([
        {"record_id":"A","redcap_event_name":"01_arm_1","redcap_repeat_instance":"2","age":"40"},
        {"record_id":"A","redcap_event_name":"01_arm_1","redcap_repeat_instance":"1","age":"39"}])")
                .status
            == 200);

    CHECK(
        server.get("DEMO", {{"fields", "record_id,age"}})
        == R"([{"record_id":"A","redcap_event_name":"01_arm_1","redcap_repeat_instrument":"","redcap_repeat_instance":1,"age":"39"},)"
           R"({"record_id":"A","redcap_event_name":"01_arm_1","redcap_repeat_instrument":"","redcap_repeat_instance":2,"age":"40"}])");
}

TEST_CASE("export: names that are not in the project are refused by name")
{
    const Server server;
    const auto [parameters, text] = GENERATE(table<Server::Parameters, std::string>({
        {{{"fields[0]", "x"}, {"fields[1]", "record_id"}, {"fields[2]", "y"}},
         R"(The following values in the parameter \"fields\" are not valid: 'x', 'y')"},
        {{{"fields[0]", "redcap_event_name"}},
         R"(The following values in the parameter \"fields\" are not valid: 'redcap_event_name')"},
        {{{"forms[0]", "x"}},
         R"(The following values in the parameter \"forms\" are not valid: 'x')"},
        {{{"events[0]", "Event 1"}},
         R"(The following values in the parameter \"events\" are not valid: 'Event 1')"},
        {{{"filterLogic", "[x] = 1"}},
         R"(The value of the parameter \"filterLogic\" is not valid)"},
        {{{"filterLogic", "[age] = "}},
         R"(The value of the parameter \"filterLogic\" is not valid)"},
        {{{"dateRangeBegin", "yesterday"}},
         R"(The value of the parameter \"dateRangeBegin\" is not valid)"},
        {{{"type", "x"}}, R"(The value of the parameter \"type\" is not valid)"},
        {{{"csvDelimiter", "xx"}}, R"(The value of the parameter \"csvDelimiter\" is not valid)"},
    }));
    CAPTURE(parameters);
    auto all = parameters;
    all.emplace_back("content", "record");

    const auto answer = server.call("DEMO", all);

    CHECK(answer.status == 400);
    CHECK_THAT(answer.body, StartsWith("{\"error\":\"" + text));
}

TEST_CASE("export: a date range takes whole records by the time of their last change")
{
    Server server;
    ::setenv("TZ", "UTC", 1);
    ::tzset();
    REQUIRE(server.put("incoming", R"([{"study_instance_uid":"1.1"}])").status == 200);
    server.now += std::chrono::minutes{10}; // 09:40
    REQUIRE(server
                .put("incoming", R"([{"study_instance_uid":"1.2"},{"study_instance_uid":"1.2",
                     "redcap_repeat_instrument":"series","redcap_repeat_instance":"1"}])")
                .status
            == 200);
    server.now += std::chrono::minutes{10}; // 09:50: the same again is no change
    REQUIRE(server.put("incoming", R"([{"study_instance_uid":"1.1"}])").status == 200);
    const auto [begin, end, rows] = GENERATE(table<std::string, std::string, std::size_t>({
        {"2024-01-02 09:40:00", "", 2},
        {"2024-01-02 09:40:01", "", 0},
        {"", "2024-01-02 09:39:59", 1},
        {"", "2024-01-02 09:40:00", 3},
        {"", "", 3},
        {"2024-01-02 09:35", "2024-01-02 09:45", 2},
    }));
    CAPTURE(begin, end);

    const auto body = server.get("incoming", {{"dateRangeBegin", begin}, {"dateRangeEnd", end}});

    CHECK(fiona::json::parse(body, "answer").array().size() == rows);
}

TEST_CASE("export: a change that waited for its turn is later than a look in between")
{
    Server server;
    ::setenv("TZ", "UTC", 1);
    ::tzset();
    // Every look at the clock is ten minutes after the one before, as with a long queue.
    fiona::redcapd::Api slow{server.directory / "redcap.db", [&] {
                                 server.now += std::chrono::minutes{10};
                                 return server.now;
                             }};
    const fiona::redcapd::FormData form{{{"token", server.token("incoming")},
                                         {"content", "record"},
                                         {"format", "json"},
                                         {"data", R"([{"study_instance_uid":"1.1"}])"}}};
    REQUIRE(slow.handle(form).answer.status == 200); // came at 09:40, its turn was at 09:50

    CHECK_THAT(server.get("incoming", {{"dateRangeBegin", "2024-01-02 09:45:00"}}),
               Contains("1.1"));
    CHECK_THAT(server.call("incoming", {{"content", "log"}}).body, Contains("2024-01-02 09:50"));
}

TEST_CASE("export: eav names every value that is not blank")
{
    const Server server;
    fill_incoming(server);

    CHECK(
        server.get("incoming", {{"type", "eav"},
                                {"records", "1.9"},
                                {"fields", "study_instance_uid,study_description,transfer_error"}})
        == R"([{"record":"1.9","redcap_repeat_instrument":"","redcap_repeat_instance":"","field_name":"study_instance_uid","value":"1.9"},)"
           R"({"record":"1.9","redcap_repeat_instrument":"","redcap_repeat_instance":"","field_name":"study_description","value":"MR"},)"
           R"({"record":"1.9","redcap_repeat_instrument":"transfers","redcap_repeat_instance":2,"field_name":"transfer_error","value":"3"}])");
}

TEST_CASE("export: CSV takes other delimiters and headers of labels")
{
    const Server server;
    fill_incoming(server);

    CHECK(server.get("incoming", {{"format", "csv"},
                                  {"fields", "study_instance_uid,study_description"},
                                  {"records", "1.9"},
                                  {"csvDelimiter", ";"},
                                  {"rawOrLabelHeaders", "label"}})
          == "\"Study Instance UID\";\"Repeat Instrument\";\"Repeat Instance\";\"Study "
             "description\"\n1.9;;;MR\n");
}

TEST_CASE("record names are in natural order")
{
    std::vector<std::string> names{"b",  "DEMO_10", "10",     "2",     "a", "DEMO_2",
                                   "01", "1",       "1.10.1", "1.9.2", "1"};

    std::ranges::sort(names, fiona::redcapd::natural_less);

    CHECK(names
          == std::vector<std::string>{"01", "1", "1", "1.9.2", "1.10.1", "2", "10", "DEMO_2",
                                      "DEMO_10", "a", "b"});
}
