// SPDX-License-Identifier: MIT
#include "libfiona/base/json.h"
#include "tests/unit/redcapd/server_fixture.h"

#include <catch2/catch.hpp>

#include <thread>

using Catch::Matchers::Contains;
using Catch::Matchers::EndsWith;

TEST_CASE("import: the count is of records, ids and nothing are on request")
{
    const Server server;
    const std::string rows = R"([{"record_id":"2"},{"record_id":"1"},{"record_id":2}])";
    const auto [format, content, body] = GENERATE(table<std::string, std::string, std::string>({
        {"json", "", R"({"count":2})"},
        {"json", "count", R"({"count":2})"},
        {"json", "ids", R"(["2","1"])"},
        {"json", "auto_ids", R"(["2","1"])"},
        {"json", "nothing", "[{}]"},
        {"csv", "count", "2"},
        {"csv", "ids", "id\n2\n1\n"},
        {"xml", "count", R"(<?xml version="1.0" encoding="UTF-8" ?><count>2</count>)"},
    }));
    CAPTURE(format, content);

    const auto answer =
        server.put("autoid", rows, {{"returnContent", content}, {"returnFormat", format}});

    CHECK(answer.status == 200);
    CHECK(answer.body == body);
    CHECK_THAT(answer.content_type, Contains(format));
}

TEST_CASE("import: normal leaves what is blank, overwrite erases it")
{
    const Server server;
    REQUIRE(server
                .put("dtp", R"([{"record_id":"P","project_name":"P","project_features___1":"1",
                     "projects_complete":"2"}])")
                .status
            == 200);
    const std::string blanks = R"([{"record_id":"P","project_name":"","project_features___1":"",
                                   "projects_complete":null}])";
    const Server::Parameters seen{{"fields", "project_name,project_features,projects_complete"}};

    CHECK(server.put("dtp", blanks).body == R"({"count":1})");
    CHECK_THAT(
        server.get("dtp", seen),
        Contains(R"("project_name":"P","project_features___0":"0","project_features___1":"1")")
            && Contains(R"("projects_complete":"2")"));
    CHECK(server.put("dtp", blanks, {{"overwriteBehavior", "overwrite"}}).status == 200);
    CHECK_THAT(
        server.get("dtp", seen),
        Contains(R"("project_name":"","project_features___0":"0","project_features___1":"0")")
            && Contains(R"("projects_complete":"0")"));
}

TEST_CASE("import: an explicit 0 unchecks a box, fields that are not named stay")
{
    const Server server;
    REQUIRE(server.put("dtp", R"([{"record_id":"P","project_name":"P","project_features___1":1}])")
                .status
            == 200);

    CHECK(server.put("dtp", R"([{"record_id":"P","project_features___1":0}])").status == 200);

    CHECK_THAT(
        server.get("dtp", {{"fields", "project_name,project_features"}}),
        Contains(R"("project_name":"P","project_features___0":"0","project_features___1":"0")"));
}

TEST_CASE("import: what an export wrote is taken back and changes nothing")
{
    Server server;
    REQUIRE(server
                .put("incoming", R"([{"study_instance_uid":"1.2","study_description":"a,\"b\"\nc"},
                     {"study_instance_uid":"1.2","redcap_repeat_instrument":"transfers",
                      "redcap_repeat_instance":3,"transfer_error___2":"1"}])")
                .status
            == 200);
    const std::string format = GENERATE("json", "csv");
    const std::string behavior = GENERATE("normal", "overwrite");
    CAPTURE(format, behavior);
    const auto before = server.get("incoming", {{"format", format}});
    server.now += std::chrono::hours{1};

    const auto answer =
        server.put("incoming", before,
                   {{"format", format}, {"overwriteBehavior", behavior}, {"returnFormat", "json"}});

    CHECK(answer.body == R"({"count":1})");
    CHECK(server.get("incoming", {{"format", format}}) == before);
    const auto log = server.call("incoming", {{"content", "log"}}).body;
    CHECK(fiona::json::parse(log, "log").array().size() == 1); // only the first one
}

TEST_CASE("import: new takes the next free instance of that form")
{
    const Server server;
    const std::string row = R"({"study_instance_uid":"1.2","redcap_repeat_instrument":"series",
                               "redcap_repeat_instance":"new","series_instance_uid":"1.2.3"})";
    REQUIRE(server
                .put("incoming", R"([{"study_instance_uid":"1.2",
                     "redcap_repeat_instrument":"transfers","redcap_repeat_instance":"9"},
                     {"study_instance_uid":"1.2","redcap_repeat_instrument":"series",
                     "redcap_repeat_instance":"4"}])")
                .status
            == 200);

    CHECK(server.put("incoming", "[" + row + "," + row + "]").body == R"({"count":1})");

    const auto rows = fiona::json::parse(
        server.get("incoming", {{"fields", "study_instance_uid,series_instance_uid"}}), "rows");
    REQUIRE(rows.array().size() == 4);
    CHECK(rows.array()[1].text("redcap_repeat_instance") == "4");
    CHECK(rows.array()[2].text("redcap_repeat_instance") == "5");
    CHECK(rows.array()[3].text("redcap_repeat_instance") == "6");
}

TEST_CASE("import: whatever is wrong, REDCap's text comes back and nothing is written")
{
    const Server server;
    const std::string wrong_format = "The value you provided could not be validated because it "
                                     "does not follow the expected format. Please try again.";
    const auto [project, rows, text] = GENERATE_COPY(table<std::string, std::string, std::string>({
        {"incoming", R"({"study_instance_uid":"1.3","foo":"1","baz":"2"})",
         "The following fields were not found in the project as real data fields: baz, foo"},
        {"incoming", R"({"study_instance_uid":"1.3","transfer_error":"1"})",
         "The following fields were not found in the project as real data fields: transfer_error"},
        {"DEMO",
         R"({"record_id":"1","redcap_event_name":"a"},{"record_id":"2","redcap_event_name":"b"})",
         "The following values of redcap_event_name are invalid: a, b"},
        {"dtp", R"({"record_id":"P","project_type":"9","project_active":"yes"})",
         "\"P\",\"project_active\",\"yes\",\"The value is not a valid category for "
         "project_active\"\n\"P\",\"project_type\",\"9\",\"The value is not a valid category for "
         "project_type\""},
        {"dtp", R"({"record_id":"P","project_features___1":"2"})",
         "\"P\",\"project_features___1\",\"2\",\"The value is not a valid category for "
         "project_features___1\""},
        {"dtp", R"({"record_id":"P","projects_complete":"3"})",
         "\"P\",\"projects_complete\",\"3\",\"The value is not a valid category for "
         "projects_complete\""},
        {"dtp", R"({"record_id":"P","project_rec_start_date":"2024-02-30"})",
         "\"P\",\"project_rec_start_date\",\"2024-02-30\",\"" + wrong_format + "\""},
        {"incoming", R"({"study_instance_uid":"1.3","study_arrival_date":"2024-01-02 10:30:11"})",
         "\"1.3\",\"study_arrival_date\",\"2024-01-02 10:30:11\",\"" + wrong_format + "\""},
        {"incoming", R"({"study_instance_uid":"1.3","transfer_name":"N"})",
         "\"1.3\",\"transfer_name\",\"N\",\"This field ('transfer_name') exists on a Repeating "
         "Instrument named 'transfers'. However, the fields 'redcap_repeat_instance' and/or "
         "'redcap_repeat_instrument' for this row of data have no value, which are both required "
         "for importing data into a Repeating Instrument.  You are not allowed to import data for "
         "this field into a non-repeating instrument.\""},
        {"incoming",
         R"({"study_instance_uid":"1.3","redcap_repeat_instrument":"incoming_studies","redcap_repeat_instance":"1"})",
         "\"1.3\",\"redcap_repeat_instrument\",\"incoming_studies\",\"redcap_repeat_instrument "
         "must be the unique form name of a Repeating Instrument. It currently does not match the "
         "unique form name of any Repeating Instruments.  Please fix this in the data import file "
         "and try again.\""},
        {"incoming", R"({"study_instance_uid":"1.3","redcap_repeat_instance":"1"})",
         "\"1.3\",\"redcap_repeat_instance\",\"1\",\"redcap_repeat_instance cannot have a value "
         "since this instrument or event is not a repeating instrument or repeating event, "
         "respectively.  The redcap_repeat_instance field must be left blank for this row of "
         "data.\""},
        {"incoming",
         R"({"study_instance_uid":"1.3","redcap_repeat_instrument":"series","redcap_repeat_instance":"0"})",
         "\"1.3\",\"redcap_repeat_instance\",\"0\",\"" + wrong_format + "\""},
        {"incoming", R"({"study_instance_uid":"1.3","redcap_repeat_instrument":"series"})",
         "\"1.3\",\"redcap_repeat_instance\",\"\",\"" + wrong_format + "\""},
        {"DEMO", R"({"record_id":"1","redcap_event_name":"baseline_arm_1","img_event_name":"x"})",
         "\"1\",\"img_event_name\",\"x\",\"This field ('img_event_name') exists on an instrument "
         "that is not designated for the event named 'baseline (Arm 1: Arm 1)'. You are not "
         "allowed to import data for this field into this event.\""},
        {"incoming", R"({"study_description":"x"})",
         "\"\",\"study_instance_uid\",\"\",\"The record ID is missing\""},
    }));
    CAPTURE(rows);
    const std::string good =
        project == "incoming" ? R"({"study_instance_uid":"1.1"})" : R"({"record_id":"first"})";

    const auto answer = server.put(project, "[" + good + "," + rows + "]");

    CHECK(answer.status == 400);
    CHECK(fiona::json::parse(answer.body, "answer").text("error") == text);
    CHECK(server.get(project, {}) == "[]");
}

TEST_CASE("import: data that are no table are refused")
{
    const Server server;
    const auto [data, format, status] = GENERATE(table<std::string, std::string, int>({
        {R"({"record_id":"1"})", "json", 400},
        {R"(["1"])", "json", 400},
        {R"([{"record_id":["1"]}])", "json", 400},
        {R"([{"record_id":"1"})", "json", 406},
        {"", "json", 406},
        {"record_id,autoid_value\n1\n", "csv", 400},
        {"record_id\n\"1\n", "csv", 406},
    }));
    CAPTURE(data);

    CHECK(server.put("autoid", data, {{"format", format}}).status == status);
    CHECK(server.get("autoid", {}) == "[]");
}

TEST_CASE("import: no rows are no records")
{
    CHECK(Server{}.put("autoid", "[]").body == R"({"count":0})");
}

TEST_CASE("import: with automatic numbers the ids sent are placeholders")
{
    const Server server;
    REQUIRE(server.put("autoid", R"([{"record_id":"41"},{"record_id":"x"}])").status == 200);

    const auto answer =
        server.put("autoid", R"([{"record_id":"1","autoid_value":"a"},{"record_id":"7"}])",
                   {{"forceAutoNumber", "true"}, {"returnContent", "auto_ids"}});

    CHECK(answer.body == R"(["42,1","43,7"])");
    CHECK(server.call("autoid", {{"content", "generateNextRecordName"}}).body == "44");
}

TEST_CASE("import: identifiers and tokens stay out of the log")
{
    const Server server;
    REQUIRE(
        server.put("dtp", R"([{"record_id":"P","project_token":"0123SECRET","project_id":"7"}])")
            .status
        == 200);

    const auto log = server.call("dtp", {{"content", "log"}}).body;

    CHECK_THAT(log, Contains("project_token") && Contains("project_id = '7'"));
    CHECK_THAT(log, !Contains("SECRET"));
}

TEST_CASE("import: many writers at once lose nothing and share no instance")
{
    const Server server;
    constexpr int writers = 4;
    constexpr int rounds = 25;
    {
        std::vector<std::jthread> threads;
        for (int writer = 0; writer < writers; ++writer) {
            threads.emplace_back([&server, writer] {
                for (int round = 0; round < rounds; ++round) {
                    const auto answer = server.put(
                        "incoming",
                        R"([{"study_instance_uid":"1.2","redcap_repeat_instrument":"series",
                             "redcap_repeat_instance":"new","series_instance_uid":"1.2.)"
                            + std::to_string(writer * 1000 + round) + "\"}]");
                    if (answer.status != 200) {
                        std::abort();
                    }
                }
            });
        }
    }

    const auto rows =
        fiona::json::parse(server.get("incoming", {{"forms", "series"}}), "rows").array();

    std::set<std::string> series;
    for (const auto& row : rows) {
        series.insert(row.text("series_instance_uid"));
    }
    CHECK(rows.size() == 1 + writers * rounds);
    CHECK(series.size() == 1 + writers * rounds); // and the blank of the base row
}
