// SPDX-License-Identifier: MIT
// The other methods over HTTP, row by row: what each answers, imports and deletes.
#include "libfiona/base/json.h"
#include "tests/support/redcap_calls.h"

#include <catch2/catch.hpp>

#include <fstream>

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
         R"([{"event_name":"event_1_arm_1","form_name":"imaging","custom_form_label":""}])"},
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
         R"([{"instrument_name":"participant","instrument_label":"Participant"},{"instrument_name":"imaging","instrument_label":"Imaging"}])"},
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

TEST_CASE("fiona-redcapd: files come back byte for byte, and go with their record")
{
    const RedcapCalls redcap;
    const auto token = redcap.site.token("dtp");
    REQUIRE(
        redcap
            .call(token,
                  {{"content", "record"}, {"format", "json"}, {"data", R"([{"record_id":"P"}])"}})
            .status
        == 200);
    const std::string sent = redcap.site.directory / "import-file.txt";
    std::string bytes(100'000, '\0');
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        bytes[i] = static_cast<char>(i * 7);
    }
    std::ofstream{sent, std::ios::binary} << bytes;
    const std::vector<std::string> place{"-F", "token=" + token, "-F", "content=file",
                                         "-F", "record=P",       "-F", "field=project_end_data"};
    const auto file = [&](const std::string& action, std::vector<std::string> more = {}) {
        auto options = place;
        options.insert(options.end(), {"-F", "action=" + action, "-F", "returnFormat=json"});
        options.insert(options.end(), more.begin(), more.end());
        return curl(redcap.server.url, options);
    };

    CHECK(file("export").status == 400); // none yet
    const auto imported = file("import", {"-F", "file=@" + sent});
    CHECK(imported.status == 200);
    CHECK(imported.body.empty());
    const auto got = redcap.site.directory / "got";
    const auto exported = file("export", {"-o", got});
    CHECK(exported.status == 200);
    CHECK(exported.type == R"(text/plain; name="import-file.txt"; charset=UTF-8)");
    CHECK(fiona::read_file(got) == bytes);
    CHECK(file("import").status == 400); // without a file
    CHECK(file("import", {"-F", "file=@" + sent + ";filename=../../ev\"il\r\nX: y.pdf"}).status
          == 200);
    CHECK_THAT(file("export", {"-o", got}).type, !Contains("..") && Contains("charset=UTF-8"));
    CHECK(file("delete").status == 200);
    CHECK(file("delete").status == 400);
    CHECK(file("import", {"-F", "file=@" + sent}).status == 200);
    CHECK(
        redcap.call(token, {{"content", "record"}, {"action", "delete"}, {"records[0]", "P"}}).body
        == "1");
    CHECK_THAT(file("export").body, Contains("does not exist"));
}

TEST_CASE("fiona-redcapd: a super token makes projects, also of a document, and does nothing else")
{
    const RedcapCalls redcap;
    const auto super =
        run_tool("fiona-redcapd", {"token", "create", "--db", redcap.site.database(), "--super"})
            .out.substr(0, 64);
    const auto blank = redcap.call(super, {{"content", "project"},
                                           {"format", "json"},
                                           {"data", R"([{"project_title":"Fresh","purpose":0}])"}});
    REQUIRE(blank.status == 200);
    REQUIRE(blank.body.size() == 32);
    CHECK(redcap
              .call(blank.body, {{"content", "record"},
                                 {"format", "json"},
                                 {"data", R"([{"record_id":"1","form_1_complete":"2"}])"}})
              .body
          == R"({"count":1})");
    REQUIRE(redcap
                .call(redcap.demo, {{"content", "record"}, {"format", "json"}, {"data", R"([
                    {"record_id":"P <1>","first_name":"line\nbreak & \"quote\""},
                    {"record_id":"P <1>","redcap_repeat_instrument":"imaging",
                     "redcap_repeat_instance":3,"img_event_name":"x"}])"}})
                .status
            == 200);
    const auto odm = redcap.call(redcap.demo, {{"content", "project_xml"}});
    // As a client's XML: one item, its own indentation.
    const auto copy = redcap.call(
        super,
        {{"content", "project"},
         {"format", "xml"},
         {"odm", odm.body},
         {"data", "<?xml version=\"1.0\" encoding=\"UTF-8\" ?>\n  <item>\n  <project_title>Copy"
                  "</project_title>\n  <purpose>0</purpose>\n  </item>"}});
    REQUIRE(copy.status == 200);

    for (const auto* const content :
         {"record", "metadata", "formEventMapping", "repeatingFormsEvents", "instrument"}) {
        CAPTURE(content);
        const Parameters parameters{{"content", content}, {"format", "json"}};
        CHECK(redcap.call(copy.body, parameters).body == redcap.call(redcap.demo, parameters).body);
    }
    CHECK_THAT(redcap.call(copy.body, {{"content", "project"}, {"format", "json"}}).body,
               Contains(R"("project_title":"Copy")"));
    CHECK_THAT(
        redcap.call(copy.body, {{"content", "log"}, {"format", "csv"}, {"logtype", "manage"}}).body,
        Contains("Manage/Design"));
    CHECK(redcap.call(super, {{"content", "record"}}).status == 403);
    CHECK(redcap.call(super, {{"content", "project"}}).status == 403);
    CHECK(redcap.call(super, {{"content", "project"}, {"format", "json"}, {"data", "[{}]"}}).status
          == 400);
    CHECK(redcap
              .call(super, {{"content", "project"},
                            {"format", "json"},
                            {"odm", "<ODM>"},
                            {"data", R"([{"project_title":"Bad"}])"}})
              .status
          == 406);
    CHECK(redcap
              .call(redcap.demo, {{"content", "project"},
                                  {"format", "json"},
                                  {"data", R"([{"project_title":"x"}])"}})
              .status
          == 501);
}

TEST_CASE("fiona-redcapd: a repeated fiona_request_id gets the first answer and changes nothing")
{
    RedcapCalls redcap{{"--fault", "drop-after-commit,1"}};
    const auto token = redcap.site.token("incoming");
    const Parameters add{{"content", "record"},
                         {"format", "json"},
                         {"fiona_request_id", "5f1c-1"},
                         {"data", R"([{"study_instance_uid":"1","redcap_repeat_instrument":"series",
                           "redcap_repeat_instance":"new","series_instance_uid":"1.1"}])"}};
    CHECK(redcap.call(token, add).status == 0); // done, and the answer lost
    redcap.server.end(SIGTERM);
    const RedcapServer server{redcap.site};
    const auto again = [&](Parameters parameters) {
        parameters.emplace_back("token", token);
        return post(server.url, parameters);
    };

    CHECK(again(add).body == R"({"count":1})");
    auto altered = add;
    altered[3].second = "[]";
    CHECK(again(altered).status == 400);
    auto bad = add;
    bad[2].second = "a b";
    CHECK(again(bad).status == 400);
    CHECK(rows(again({{"content", "record"}, {"format", "json"}, {"forms", "series"}})) == 2);
    auto fresh = add;
    fresh[2].second = "5f1c-2";
    CHECK(again(fresh).status == 200);
    CHECK(rows(again({{"content", "record"}, {"format", "json"}, {"forms", "series"}})) == 3);
}

TEST_CASE("fiona-redcapd: instances that must be unique are refused, and only those")
{
    const RedcapCalls redcap;
    const auto token = redcap.site.token("incoming");
    const std::vector<std::string> rule{"dictionary", "unique",
                                        "--db",       redcap.site.database(),
                                        "--project",  "incoming",
                                        "--form",     "transfers",
                                        "--field",    "transfer_project_name",
                                        "--field",    "transfer_name"};
    auto dry = rule;
    dry.emplace_back("--dry-run");
    REQUIRE(run_tool("fiona-redcapd", dry).exit_code == EX_OK);
    const auto add = [&](const std::string& instance, const std::string& name) {
        return redcap.call(
            token,
            {{"content", "record"},
             {"format", "json"},
             {"data",
              R"([{"study_instance_uid":"1","redcap_repeat_instrument":"transfers","redcap_repeat_instance":")"
                  + instance + R"(","transfer_project_name":"DEMO","transfer_name":")" + name
                  + "\"}]"}});
    };
    REQUIRE(add("1", "P1").status == 200);
    REQUIRE(add("2", "P1").status == 200); // a dry run made no rule
    REQUIRE(redcap
                .call(token, {{"content", "record"},
                              {"action", "delete"},
                              {"records", "1"},
                              {"instrument", "transfers"},
                              {"repeat_instance", "2"}})
                .status
            == 200);
    REQUIRE(run_tool("fiona-redcapd", rule).exit_code == EX_OK);

    const auto refused = add("new", "P1");
    CHECK(refused.status == 400);
    CHECK_THAT(refused.body, Contains("must be unique"));
    CHECK(add("1", "P1").status == 200); // the same one again
    CHECK(add("new", "P2").status == 200);
    CHECK(add("new", "P2").status == 400);
    CHECK(rows(redcap.call(token,
                           {{"content", "record"}, {"format", "json"}, {"forms", "transfers"}}))
          == 3);
}

TEST_CASE("fiona-redcapd: dictionary, document and backup as files")
{
    const RedcapCalls redcap;
    const auto db = redcap.site.database();
    const auto tool = [&](std::vector<std::string> arguments) {
        arguments.insert(arguments.end(), {"--db", db});
        return run_tool("fiona-redcapd", arguments);
    };
    const std::string csv = redcap.site.directory / "d.csv";
    const std::string xml = redcap.site.directory / "p.xml";
    std::ofstream{csv} << tool({"dictionary", "export", "--project", "DEMO"}).out;
    std::ofstream{xml} << redcap.call(redcap.demo, {{"content", "project_xml"}}).body;

    CHECK(tool({"dictionary", "import", "--project", "DEMO", csv}).out == "11 fields imported\n");
    CHECK(tool({"dictionary", "export", "--project", "DEMO"}).out == fiona::read_file(csv));
    CHECK(tool({"dictionary", "import", "--project", "autoid", csv}).exit_code == EX_OK);
    CHECK(tool({"dictionary", "import", "--project", "incoming", csv}).exit_code == EX_DATAERR);
    CHECK(tool({"import-odm", xml, "-n"}).out == "project would be made: DEMO (2)\n");
    CHECK(tool({"import-odm", xml, "--print-token"}).out.size() == 33);
    std::ofstream{xml} << "<ODM/>";
    CHECK(tool({"import-odm", xml}).exit_code == EX_DATAERR);
    CHECK(tool({"check"}).out == "nothing is wrong\n");
    const std::string copy = redcap.site.directory / "copy.db";
    CHECK(tool({"backup", copy, "-n"}).exit_code == EX_OK);
    CHECK_FALSE(std::filesystem::exists(copy));
    CHECK(tool({"backup", copy}).exit_code == EX_OK);
    CHECK(tool({"backup", copy}).exit_code == EX_OK); // replaced
    CHECK((std::filesystem::status(copy).permissions() & std::filesystem::perms::mask)
          == (std::filesystem::perms::owner_read | std::filesystem::perms::owner_write));
    CHECK_THAT(run_tool("fiona-redcapd", {"project", "list", "--db", copy}).out,
               Contains("DEMO (2)"));
    { // a page of it is overwritten
        std::fstream damaged{copy, std::ios::in | std::ios::out | std::ios::binary};
        damaged.seekp(8192);
        damaged << std::string(4096, 'x');
    }
    CHECK(run_tool("fiona-redcapd", {"check", "--db", copy}).exit_code == EX_DATAERR);
}
