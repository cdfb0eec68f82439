// SPDX-License-Identifier: MIT
#include "libfiona/base/json.h"
#include "tests/unit/redcapd/server_fixture.h"

#include <catch2/catch.hpp>

using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;
using fiona::Database;
using namespace fiona::redcapd;

TEST_CASE("methods: each answers as REDCap does")
{
    const Server server;
    const auto [project, parameters,
                body] = GENERATE(table<std::string, Server::Parameters, std::string>({
        {"incoming", {{"content", "version"}}, "14.0.0"},
        {"incoming", {{"content", "generateNextRecordName"}}, "1"},
        {"incoming",
         {{"content", "instrument"}},
         R"([{"instrument_name":"incoming_studies","instrument_label":"Incoming Studies"},)"
         R"({"instrument_name":"series","instrument_label":"Series"},)"
         R"({"instrument_name":"transfers","instrument_label":"Transfers"}])"},
        {"incoming",
         {{"content", "repeatingFormsEvents"}},
         R"([{"form_name":"series","custom_form_label":""},{"form_name":"transfers","custom_form_label":""}])"},
        {"incoming",
         {{"content", "repeatingFormsEvents"}, {"format", "csv"}},
         "form_name,custom_form_label\nseries,\ntransfers,\n"},
        {"DEMO",
         {{"content", "repeatingFormsEvents"}},
         R"([{"event_name":"event_1_arm_1","form_name":"pathology","custom_form_label":""},)"
         R"({"event_name":"event_1_arm_1","form_name":"imaging","custom_form_label":""},)"
         R"({"event_name":"01_arm_1","form_name":"pathology","custom_form_label":""},)"
         R"({"event_name":"baseline_arm_1","form_name":"pathology","custom_form_label":""}])"},
        {"DEMO",
         {{"content", "formEventMapping"}},
         R"([{"arm_num":1,"unique_event_name":"event_1_arm_1","form":"participant"},)"
         R"({"arm_num":1,"unique_event_name":"event_1_arm_1","form":"pathology"},)"
         R"({"arm_num":1,"unique_event_name":"event_1_arm_1","form":"imaging"},)"
         R"({"arm_num":1,"unique_event_name":"01_arm_1","form":"participant"},)"
         R"({"arm_num":1,"unique_event_name":"01_arm_1","form":"pathology"},)"
         R"({"arm_num":1,"unique_event_name":"baseline_arm_1","form":"participant"},)"
         R"({"arm_num":1,"unique_event_name":"baseline_arm_1","form":"pathology"}])"},
        {"DEMO", {{"content", "arm"}}, R"([{"arm_num":1,"name":"Arm 1"}])"},
        {"DEMO", {{"content", "event"}, {"arms[0]", "2"}}, "[]"},
        {"incoming",
         {{"content", "exportFieldNames"}, {"field", "transfer_error"}},
         R"([{"original_field_name":"transfer_error","choice_value":"1","export_field_name":"transfer_error___1"},)"
         R"({"original_field_name":"transfer_error","choice_value":"2","export_field_name":"transfer_error___2"},)"
         R"({"original_field_name":"transfer_error","choice_value":"3","export_field_name":"transfer_error___3"}])"},
    }));
    CAPTURE(parameters);

    const auto answer = server.call(project, parameters);

    CHECK(answer.status == 200);
    CHECK(answer.body == body);
}

TEST_CASE("methods: what is refused, with status and text")
{
    const Server server;
    const auto [project, parameters, status,
                text] = GENERATE(table<std::string, Server::Parameters, int, std::string>({
        {"incoming", {}, 400, R"(The value of the parameter \"content\" is not valid)"},
        {"incoming",
         {{"content", "x"}},
         400,
         R"(The value of the parameter \"content\" is not valid)"},
        {"incoming", {{"content", "pdf"}}, 501, "The requested method is not implemented."},
        {"incoming",
         {{"content", "instrument"}, {"data", "[]"}},
         501,
         "The requested method is not implemented."},
        {"incoming",
         {{"content", "record"}, {"action", "x"}},
         400,
         R"(The value of the parameter \"action\" is not valid)"},
        {"incoming", {{"content", "event"}}, 400, "You cannot export events for classic projects"},
        {"incoming", {{"content", "arm"}}, 400, "You cannot export arms for classic projects"},
        {"incoming",
         {{"content", "formEventMapping"}},
         400,
         "You cannot export form/event mappings for classic projects"},
        {"autoid",
         {{"content", "repeatingFormsEvents"}},
         400,
         "You cannot export repeating instruments and events because the project does not "
         "contain any repeating instruments and events"},
        {"incoming",
         {{"content", "metadata"}, {"data", "[]"}},
         403,
         "You do not have Project Design and Setup privileges"},
        {"incoming",
         {{"content", "log"}, {"logtype", "x"}},
         400,
         R"(The value of the parameter \"logtype\" is not valid)"},
    }));
    CAPTURE(parameters);

    const auto answer = server.call(project, parameters);

    CHECK(answer.status == status);
    CHECK(answer.body == "{\"error\":\"" + text + "\"}");
}

TEST_CASE("methods: an error is written in the format asked for, XML without any")
{
    const Server server;
    const auto [format, return_format, body,
                type] = GENERATE(table<std::string, std::string, std::string, std::string>({
        {"json", "", R"({"error":"You do not have permissions to use the API"})",
         "application/json; charset=utf-8"},
        {"json", "csv", "ERROR: You do not have permissions to use the API",
         "text/csv; charset=utf-8"},
        {"csv", "", "ERROR: You do not have permissions to use the API", "text/csv; charset=utf-8"},
        {"", "",
         R"(<?xml version="1.0" encoding="UTF-8" ?><hash><error>You do not have permissions to use the API</error></hash>)",
         "text/xml; charset=utf-8"},
    }));
    const std::string token = GENERATE("", "TOKEN000TOKEN000TOKEN000TOKEN000", "' OR 1=1 --");

    const auto answer = server.raw({{"token", token},
                                    {"content", "record"},
                                    {"format", format},
                                    {"returnFormat", return_format}});

    CHECK(answer.status == 403);
    CHECK(answer.body == body);
    CHECK(answer.content_type == type);
}

TEST_CASE("methods: formats that are none are refused, never guessed")
{
    const Server server;
    const std::string format = GENERATE("yaml", "JSON", "odm");
    const std::string content = GENERATE("metadata", "instrument", "exportFieldNames", "project");
    CAPTURE(format, content);

    const auto answer =
        server.raw({{"token", server.token("incoming")}, {"content", content}, {"format", format}});

    CHECK(answer.status == 400);
    CHECK_THAT(answer.body, StartsWith("<?xml version=\"1.0\" encoding=\"UTF-8\" ?><hash><error>"));
}

TEST_CASE("methods: a token can do what it was given, and nothing once revoked")
{
    const Server server;
    Database database{server.directory / "redcap.db", Database::Open::existing};
    REQUIRE(server.put("incoming", R"([{"study_instance_uid":"1.2"}])").status == 200);
    const auto [rights, may_export, may_import, may_delete, may_log] =
        GENERATE(table<std::string, int, int, int, int>({
            {"export", 200, 403, 403, 403},
            {"import", 403, 200, 403, 403},
            {"delete", 403, 403, 200, 403},
            {"logging,export", 200, 403, 403, 200},
        }));
    CAPTURE(rights);
    const auto token =
        grant_token(database, {"incoming", "tester", parse_rights(rights)}, server.now);
    const auto status = [&](Server::Parameters parameters) {
        parameters.insert(parameters.end(), {{"token", token.reveal()}, {"format", "json"}});
        return server.raw(parameters).status;
    };

    CHECK(status({{"content", "record"}}) == may_export);
    CHECK(status({{"content", "record"}, {"data", R"([{"study_instance_uid":"1.2"}])"}})
          == may_import);
    CHECK(status({{"content", "log"}}) == may_log);
    CHECK(status({{"content", "record"}, {"action", "delete"}, {"records", "1.2"}}) == may_delete);
    CHECK(revoke_token(database, token));
    CHECK(status({{"content", "version"}}) == 403);
}

TEST_CASE("methods: missing rights are told in the texts that clients know")
{
    const Server server;
    Database database{server.directory / "redcap.db", Database::Open::existing};
    const auto token = grant_token(database, {"incoming", "tester", 0}, server.now).reveal();

    CHECK_THAT(server.raw({{"token", token}, {"content", "record"}, {"data", "[]"}}).body,
               Contains("You do not have API Import/Update privileges"));
    CHECK_THAT(server.raw({{"token", token}, {"content", "record"}, {"action", "delete"}}).body,
               Contains("You do not have Delete Record privileges"));
}

TEST_CASE("methods: metadata has the 18 keys, and can be chosen by field and form")
{
    const Server server;

    const auto all = fiona::json::parse(server.call("dtp", {{"content", "metadata"}}).body, "all");
    const auto one =
        server.call("dtp", {{"content", "metadata"}, {"fields[0]", "rewrite_ex_tag"}}).body;
    const auto form = fiona::json::parse(
        server.call("dtp", {{"content", "metadata"}, {"forms[0]", "rewritepixelexclusions"}}).body,
        "form");

    CHECK(all.array().size() == 55);
    CHECK(form.array().size() == 2);
    CHECK(
        one
        == R"([{"field_name":"rewrite_ex_tag","form_name":"rewritepixelexclusions","section_header":"","field_type":"dropdown","field_label":"Tag that is looked at","select_choices_or_calculations":"1, 0x0020:0x4000 Image Comments | 2, 0x0008:0x103E Series Description","field_note":"","text_validation_type_or_show_slider_number":"","text_validation_min":"","text_validation_max":"","identifier":"","branching_logic":"","required_field":"","custom_alignment":"","question_number":"","matrix_group_name":"","matrix_ranking":"","field_annotation":""}])");
}

TEST_CASE("methods: a dictionary that was exported can be imported with one field more")
{
    const Server server;
    auto dictionary =
        fiona::json::parse(server.call("DEMO", {{"content", "metadata"}}).body, "metadata");
    auto extra = dictionary.array().back().object();
    extra["field_name"] = "img_remark";
    dictionary.array().emplace_back(extra);

    const auto answer =
        server.call("DEMO", {{"content", "metadata"}, {"data", fiona::json::write(dictionary)}});

    CHECK(answer.body == "35");
    CHECK(server
              .put("DEMO", R"([{"record_id":"1","redcap_repeat_instrument":"imaging",
                               "redcap_repeat_instance":"1","img_remark":"x"}])")
              .status
          == 200);
    dictionary.array().front().object()["field_name"] = "other_id";
    CHECK(server.call("DEMO", {{"content", "metadata"}, {"data", fiona::json::write(dictionary)}})
              .status
          == 400);
    CHECK_THAT(server.call("DEMO", {{"content", "log"}, {"logtype", "manage"}}).body,
               Contains("Manage/Design"));
}

TEST_CASE("methods: events and the project say what they are")
{
    const Server server;

    const auto events =
        fiona::json::parse(server.call("DEMO", {{"content", "event"}}).body, "events").array();
    const auto demo = fiona::json::parse(server.call("DEMO", {{"content", "project"}}).body, "p");
    const auto ids7 = fiona::json::parse(server.call("ids7", {{"content", "project"}}).body, "p");

    REQUIRE(events.size() == 3);
    CHECK(events[0].text("event_name") == "Event 1");
    CHECK(events[2].text("unique_event_name") == "baseline_arm_1");
    CHECK(events[0].find("event_id")->is_integer());
    CHECK(events[0].find("custom_event_label")->is_null());
    CHECK(demo.text("project_title") == "DEMO");
    CHECK(demo.text("is_longitudinal") == "1");
    CHECK(ids7.text("is_longitudinal") == "0");
    CHECK(ids7.text("has_repeating_instruments_or_events") == "0");
}

TEST_CASE("methods: the log is newest first and can be narrowed")
{
    Server server;
    ::setenv("TZ", "UTC", 1);
    ::tzset();
    REQUIRE(server.put("autoid", R"([{"record_id":"1"}])").status == 200);
    server.now += std::chrono::minutes{5};
    REQUIRE(server.put("autoid", R"([{"record_id":"1","autoid_method":"1"}])").status == 200);
    const auto count = [&](Server::Parameters parameters) {
        parameters.emplace_back("content", "log");
        return fiona::json::parse(server.call("autoid", parameters).body, "log").array().size();
    };

    CHECK(
        server.call("autoid", {{"content", "log"}}).body
        == R"([{"timestamp":"2024-01-02 09:35","username":"fiona","action":"Update record (API) 1","details":"autoid_method = '1'","record":"1"},)"
           R"({"timestamp":"2024-01-02 09:30","username":"fiona","action":"Create record (API) 1","details":"","record":"1"}])");
    CHECK(count({{"logtype", "record_add"}}) == 1);
    CHECK(count({{"logtype", "record"}}) == 2);
    CHECK(count({{"logtype", "record_delete"}}) == 0);
    CHECK(count({{"beginTime", "2024-01-02 09:35"}}) == 1);
    CHECK(count({{"endTime", "2024-01-02 09:30"}}) == 1);
    CHECK(count({{"user", "other"}}) == 0);
    CHECK(count({{"record", "1"}}) == 2);
}
