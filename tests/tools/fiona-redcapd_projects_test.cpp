// SPDX-License-Identifier: MIT
// Files, whole projects, requests that are repeated, rules, and the commands beside the API.
#include "libfiona/base/file_lock.h"
#include "libfiona/base/json.h"
#include "tests/support/redcap_calls.h"

#include <catch2/catch.hpp>

#include <fstream>

using Catch::Matchers::Contains;
namespace json = fiona::json;

namespace {

std::size_t rows(const Reply& reply)
{
    return json::parse(reply.body, "reply").array().size();
}

} // namespace

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

TEST_CASE("fiona-redcapd: a document carries the files that were asked for, and brings them back")
{
    const RedcapCalls redcap;
    const auto token = redcap.site.token("dtp");
    REQUIRE(redcap
                .call(token, {{"content", "record"},
                              {"format", "json"},
                              {"data", R"([{"record_id":"P"},{"record_id":"Q"}])"}})
                .status
            == 200);
    const std::string sent = redcap.site.directory / "sent.bin";
    std::string bytes(5000, '\0');
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        bytes[i] = static_cast<char>(i * 11);
    }
    std::ofstream{sent, std::ios::binary} << bytes;
    const auto file = [&](const std::string& of, const std::string& action,
                          const std::vector<std::string>& more) {
        std::vector<std::string> options{"-F", "token=" + of,       "-F", "content=file",
                                         "-F", "record=P",          "-F", "field=project_end_data",
                                         "-F", "returnFormat=json", "-F", "action=" + action};
        options.insert(options.end(), more.begin(), more.end());
        return curl(redcap.server.url, options);
    };
    REQUIRE(file(token, "import", {"-F", "file=@" + sent + ";filename=a <&> b.pdf"}).status == 200);

    const Parameters asked{{"content", "project_xml"}};
    CHECK_THAT(redcap.call(token, asked).body, !Contains("Base64Binary"));
    auto with_files = asked;
    with_files.emplace_back("exportFiles", "true");
    const auto document = redcap.call(token, with_files).body;
    CHECK_THAT(document, Contains(R"(<ItemDataBase64Binary ItemOID="project_end_data" )"
                                  R"(redcap:DocName="a &lt;&amp;&gt; b.pdf" )"
                                  R"(redcap:MimeType="application/pdf"><![CDATA[AAsWIS)"));
    const std::string xml = redcap.site.directory / "p.xml";
    std::ofstream{xml} << document;
    const auto copy = run_tool("fiona-redcapd",
                               {"import-odm", xml, "--db", redcap.site.database(), "--print-token"})
                          .out.substr(0, 32);
    const auto got = redcap.site.directory / "got";
    const auto back = file(copy, "export", {"-o", got});
    CHECK(back.status == 200);
    CHECK_THAT(back.type, Contains(R"(name="a <&> b.pdf")"));
    CHECK(fiona::read_file(got) == bytes);
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

    CHECK(tool({"dictionary", "import", "--project", "DEMO", csv}).out == "34 fields imported\n");
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
    std::ofstream{redcap.site.directory / ".copy.db.part"} << "of a backup that was killed";
    CHECK(tool({"backup", copy}).exit_code == EX_OK); // replaced
    CHECK_FALSE(std::filesystem::exists(redcap.site.directory / ".copy.db.part"));
    {
        const fiona::FileLock other{redcap.site.directory / ".copy.db.lock"};
        CHECK(tool({"backup", copy}).exit_code == EX_TEMPFAIL);
    }
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
