// SPDX-License-Identifier: MIT
// Clients that are not ours: the calls of the scripts that fiona replaces, byte for byte; Python's
// requests; the curl lines of the man page.
#include "libfiona/base/json.h"
#include "tests/support/redcap_calls.h"
#include "tests/support/skip.h"

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <sstream>

using Catch::Matchers::Contains;
using Catch::Matchers::EndsWith;
using Catch::Matchers::StartsWith;
namespace json = fiona::json;

namespace {

/// As Python's urllib.parse.urlencode() writes a dictionary.
std::string urlencoded(const Parameters& parameters)
{
    const auto encoded = [](const std::string& text) {
        std::string out;
        for (const char c : text) {
            const auto byte = static_cast<unsigned char>(c);
            const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
                               || (c >= '0' && c <= '9') || c == '_' || c == '.' || c == '-'
                               || c == '~';
            out += plain ? std::string{c} : c == ' ' ? "+" : fmt::format("%{:02X}", byte);
        }
        return out;
    };
    std::string body;
    for (const auto& [name, value] : parameters) {
        body += (body.empty() ? "" : "&") + encoded(name) + "=" + encoded(value);
    }
    return body;
}

/// A multipart body with the boundary `edge` that asks for the version; `end` follows the last value.
std::string version_call(const std::string& token, const std::string& end)
{
    const std::string head = "--edge\r\nContent-Disposition: form-data; name=\"";
    return head + "token\"\r\n\r\n" + token + "\r\n" + head + "content\"\r\n\r\nversion" + end;
}

/// The call of an old script; `more` after its standard set.
json::Value replay(const RedcapCalls& redcap, const std::string& token, Parameters standard,
                   const Parameters& more = {})
{
    standard.insert(standard.begin(), {"token", token});
    standard.insert(standard.end(), more.begin(), more.end());
    const auto reply = curl(redcap.server.url, {"-d", urlencoded(standard)});
    CAPTURE(reply.body);
    REQUIRE(reply.status == 200);
    return json::parse(reply.body, "reply");
}

const Parameters export_set{{"content", "record"},
                            {"format", "json"},
                            {"type", "flat"},
                            {"rawOrLabel", "raw"},
                            {"rawOrLabelHeaders", "raw"},
                            {"exportCheckboxLabel", "false"},
                            {"exportSurveyFields", "false"},
                            {"exportDataAccessGroups", "false"},
                            {"returnFormat", "json"}};
/// Without `data`: some scripts export with it.
const Parameters import_set{{"content", "record"},
                            {"format", "json"},
                            {"type", "flat"},
                            {"overwriteBehavior", "normal"},
                            {"forceAutoNumber", "false"},
                            {"returnContent", "count"},
                            {"returnFormat", "json"},
                            {"record_id", "da39a3ee5e6b4b0d"}};

const std::string study = "1.2.826.0.1.3680043.2.1125.1";
const std::string hash(64, 'a');

/// The words of one line, single quotes as in a shell; `$url` and `$dir` are replaced.
std::vector<std::string> words_of(const std::string& line, const std::string& url,
                                  const std::string& directory)
{
    std::vector<std::string> words{""};
    bool quoted = false;
    for (const char c : line) {
        if (c == '\'') {
            quoted = !quoted;
        } else if (c == ' ' && !quoted) {
            if (!words.back().empty()) {
                words.emplace_back();
            }
        } else {
            words.back() += c;
        }
    }
    for (auto& word : words) {
        if (word == "$url") {
            word = url;
        }
        if (const auto at = word.find("@t/"); at != std::string::npos) {
            word.replace(at + 1, 1, directory);
        }
    }
    return words;
}

} // namespace

TEST_CASE("fiona-redcapd: the calls of the original scripts, as they send them")
{
    const RedcapCalls redcap;
    const auto incoming = redcap.site.token("incoming");
    const auto dtp = redcap.site.token("dtp");
    const auto autoid = redcap.site.token("autoid");
    const auto ids7 = redcap.site.token("ids7");
    const auto count = [&](const json::Value& answer) { return answer.find("count")->integer(); };

    // populateIncoming: study and series, then a request
    REQUIRE(
        count(replay(
            redcap, incoming, import_set,
            {{"data",
              R"([{"study_instance_uid":")" + study
                  + R"(","study_description":"MR BRAIN","study_date":"20240102","study_time":"100000.000000","study_institution_name":"Example Hospital","study_patient_name":")"
                  + hash + R"(","study_patient_id":")" + hash
                  + R"(","study_aetitle_sender":"MODALITY1","study_accession_number":"ACC0000123","study_aetitle_addressed":"FIONA","study_arrival_date":"2024-01-02 10:30","incoming_studies_complete":2},
            {"study_instance_uid":")"
                  + study
                  + R"(","series_instance_uid":"1.2.3","series_description":"t1_mprage","series_date":"20240102","series_time":"101500.000000","series_sequence_name":"*fl3d1","redcap_repeat_instrument":"series","redcap_repeat_instance":1,"series_num_files":"192","series_classify_types":"[\"SIEMENS\", \"T1\"]","series_complete":2}])"}}))
        == 1);
    for (const auto& role : {"routing", "coupling"}) {
        CHECK(replay(redcap, redcap.site.token(role), import_set).array().empty()); // an export
    }
    CHECK(replay(redcap, redcap.site.token("routing"),
                 {{"content", "metadata"},
                  {"format", "json"},
                  {"returnFormat", "json"},
                  {"fields[0]", "routing_dest_project"}})
              .array()
              .front()
              .text("select_choices_or_calculations")
          == "DEMO, DEMO");
    CHECK(replay(redcap, incoming, export_set, {{"records[0]", study}, {"records[1]", "1.9"}})
              .array()
              .size()
          == 2);
    CHECK(
        replay(
            redcap, incoming, export_set,
            {{"records[0]", study}, {"fields[0]", "study_instance_uid"}, {"forms[0]", "transfers"}})
            .array()
            .size()
        == 1);
    CHECK(
        count(replay(
            redcap, incoming, import_set,
            {{"data",
              R"([{"study_instance_uid":")" + study
                  + R"(","redcap_repeat_instrument":"transfers","redcap_repeat_instance":1,"transfer_requested_date":"2024-01-02 10:31","transfer_project_name":"DEMO","transfer_name":"DEMO_0001"}])"}}))
        == 1);

    // createTransferRequests and its sibling for processed data
    const auto requests = replay(redcap, incoming, export_set,
                                 {{"fields[0]", "study_instance_uid"},
                                  {"fields[1]", "transfer_project_name"},
                                  {"fields[2]", "transfer_name"},
                                  {"fields[3]", "transfer_date"},
                                  {"fields[4]", "transfer_requested_date"},
                                  {"fields[5]", "transfer_event_name"}});
    CHECK(
        json::write(requests.array().at(1))
        == R"({"redcap_repeat_instance":1,"redcap_repeat_instrument":"transfers","study_instance_uid":")"
               + study
               + R"(","transfer_date":"","transfer_event_name":"","transfer_name":"DEMO_0001","transfer_project_name":"DEMO","transfer_requested_date":"2024-01-02 10:31"})");
    CHECK(replay(redcap, incoming, export_set,
                 {{"fields[0]", "study_instance_uid"},
                  {"fields[1]", "transfer_mapped_uid"},
                  {"fields[2]", "study_date"},
                  {"fields[3]", "study_accession_number"},
                  {"fields[4]", "transfer_project_name"},
                  {"fields[5]", "transfer_event_name"}})
              .array()
              .size()
          == 2);
    CHECK(replay(redcap, incoming, export_set,
                 {{"fields[0]", "study_instance_uid"}, {"fields[1]", "series_instance_uid"}})
              .array()
              .size()
          == 2);

    // anonymizeAndSend: the result of a transfer
    CHECK(
        count(replay(
            redcap, incoming, import_set,
            {{"data",
              R"([{"study_instance_uid":")" + study
                  + R"(","redcap_repeat_instrument":"transfers","redcap_repeat_instance":1,"transfer_date":"2024-01-02 10:40","transfer_mapped_uid":"1.3.6.1","transfer_error___1":0,"transfer_error___2":0,"transfer_error___3":1,"transfer_active_proc_time":12.5,"transfer_error_message":"","transfers_complete":2}])"}}))
        == 1);

    // populateAutoID
    REQUIRE(
        count(replay(
            redcap, dtp, import_set,
            {{"data",
              R"([{"record_id":"DEMO","project_name":"DEMO","project_active":"1","project_use_autoid":"1","project_autoid_aetitle":"AUTO","project_patient_naming":"DEMO_[0-9]{4}"}])"}}))
        == 1);
    CHECK(replay(redcap, dtp, export_set,
                 {{"fields[0]", "project_use_autoid"},
                  {"fields[1]", "record_id"},
                  {"fields[2]", "project_autoid_aetitle"},
                  {"fields[3]", "project_name"},
                  {"fields[4]", "project_patient_naming"}})
              .array()
              .front()
              .text("project_autoid_aetitle")
          == "AUTO");
    CHECK(replay(redcap, incoming, export_set,
                 {{"dateRangeBegin", "2001-01-01 00:00:00"},
                  {"fields[0]", "study_aetitle_addressed"},
                  {"fields[1]", "study_instance_uid"},
                  {"fields[2]", "transfer_project_name"},
                  {"fields[3]", "study_patient_id"}})
              .array()
              .size()
          == 2);
    CHECK(replay(redcap, autoid, export_set, {{"forms[0]", "autoid"}}).array().empty());
    CHECK(replay(redcap, autoid, {{"content", "generateNextRecordName"}}).integer() == 1);
    CHECK(count(replay(
              redcap, autoid, import_set,
              {{"data", R"([{"record_id":1,"autoid_project_name":"DEMO","autoid_hash":")" + hash
                            + R"(","autoid_value":"DEMO_0042","autoid_method":1}])"}}))
          == 1);

    // populateProjects: its misspelled arrays select nothing, so everything comes
    CHECK(replay(redcap, dtp, export_set, {{"field[0]", "record_id"}, {"field[1]", "project_name"}})
              .array()
              .front()
              .object()
              .size()
          > 40);
    CHECK(replay(redcap, incoming, export_set,
                 {{"filterLogic", R"([transfer_project_name]="DEMO")"},
                  {"field[0]", "study_instance_uid"},
                  {"field[1]", "transfer_request_date"},
                  {"field[2]", "transfer_error"}})
              .array()
              .size()
          == 1);
    CHECK(replay(redcap, redcap.demo,
                 {{"content", "metadata"},
                  {"format", "json"},
                  {"returnFormat", "json"},
                  {"forms[0]", "imaging"}})
              .array()
              .size()
          == 5);
    CHECK(replay(redcap, incoming, export_set, {{"record[0]", study}, {"field[0]", "x"}})
              .array()
              .size()
          == 3);
    CHECK(
        count(replay(
            redcap, redcap.demo, import_set,
            {{"data",
              R"([{"record_id":"DEMO_0001","redcap_event_name":"baseline_arm_1","first_name":"DEMO_0001","last_name":"DEMO_0001"}])"}}))
        == 1);
    CHECK(
        count(replay(
            redcap, redcap.demo, import_set,
            {{"data",
              R"([{"record_id":"DEMO_0001","redcap_event_name":"event_1_arm_1","redcap_repeat_instrument":"imaging","redcap_repeat_instance":1,"img_study_instance_uid":"1.3.6.1","img_event_name":"baseline_arm_1","img_study_description":"MR BRAIN"}])"}}))
        == 1);
    CHECK(replay(redcap, redcap.demo, export_set, {{"events[0]", "event_1_arm_1"}}).array().size()
          == 2);

    // resendProject
    CHECK(replay(redcap, incoming, export_set,
                 {{"forms[0]", "transfers"}, {"forms[1]", "incoming_studies"}})
              .array()
              .at(1)
              .text("transfer_mapped_uid")
          == "1.3.6.1");

    // whatIsInIDS7 and whatIsNotInIDS7
    auto overwrite = import_set;
    overwrite[3].second = "overwrite";
    CHECK(
        count(replay(
            redcap, ids7, overwrite,
            {{"data",
              R"([{"record_id":"1.3.6.1","ids7_patient_name":"DEMO_0001","ids7_number_of_series":4,"ids7_number_of_instances":512,"ids7_institution_name":"DEMO","ids7_date_stamp":"2024-01-02T10:30:00.123456","ids7_study_id":""}])"}}))
        == 1);
    auto listing = export_set;
    listing.insert(listing.begin(), {{"action", "export"}, {"csvDelimiter", ""}});
    CHECK(json::write(replay(redcap, ids7, listing,
                             {{"fields[0]", "record_id"}, {"fields[1]", "ids7_patient_name"}}))
          == R"([{"ids7_patient_name":"DEMO_0001","record_id":"1.3.6.1"}])");
    CHECK(replay(redcap, ids7,
                 {{"action", "delete"}, {"content", "record"}, {"returnFormat", "json"}},
                 {{"records[0]", "1.3.6.1"}})
              .integer()
          == 1);
    CHECK(replay(redcap, ids7, export_set).array().empty());
}

TEST_CASE("fiona-redcapd: Python's requests finds all it looks for")
{
    const RedcapCalls redcap;
    const auto super =
        run_tool("fiona-redcapd", {"token", "create", "--db", redcap.site.database(), "--super"});

    const std::string file = redcap.site.directory / "super.token";
    std::ofstream{file} << super.out;

    const auto run = fiona::run(
        {.arguments = {"/usr/bin/python3", FIONA_SOURCE_DIR "/tests/tools/redcapd_clients.py",
                       redcap.server.url, file}});

    CAPTURE(run.err);
    CHECK(run.exit_code == 0);
    CHECK(run.out == "all answers are good\n");
}

TEST_CASE("fiona-redcapd: data sent as a file of a multipart request are data")
{
    const RedcapCalls redcap;
    const std::string file = redcap.site.directory / "rows.json";
    std::ofstream{file} << R"([{"record_id":"P"}])";

    const auto reply =
        curl(redcap.server.url, {"-F", "token=" + redcap.demo, "-F", "content=record", "-F",
                                 "format=json", "-F", "data=@" + file});

    CHECK(reply.body == R"({"count":1})");
}

TEST_CASE("fiona-redcapd: the curl lines of the man page work as printed")
{
    const RedcapCalls redcap;
    const std::string directory = redcap.site.directory.path;
    std::ofstream{directory + "/demo.token"} << redcap.demo << "\n";
    std::ofstream{directory + "/rows.csv"} << "record_id,first_name\nDEMO_0001,DEMO_0001\n";
    REQUIRE(run_tool("fiona-redcapd", {"report", "create", "--db", redcap.site.database(),
                                       "--project", "DEMO", "--title", "Names", "--field",
                                       "first_name", "--filter", R"([first_name] <> "")"})
                .out
            == "1\n");
    std::istringstream page{fiona::read_file(FIONA_SOURCE_DIR "/man/fiona-redcapd.1")};
    std::vector<Reply> replies;
    std::string command;
    for (std::string line; std::getline(page, line);) {
        if (command.empty() && !line.starts_with("$ curl ")) {
            continue;
        }
        const bool goes_on = line.ends_with("\\e");
        command += line.substr(command.empty() ? 7 : 0,
                               line.size() - (goes_on ? 2 : 0) - (command.empty() ? 7 : 0));
        if (!goes_on) {
            CAPTURE(command);
            const auto words = words_of(command, redcap.server.url, directory);
            replies.push_back(
                curl(words.back(), std::vector<std::string>{words.begin(), words.end() - 1}));
            CHECK(replies.back().status == 200);
            command.clear();
        }
    }
    REQUIRE(replies.size() == 5);
    CHECK(replies[0].body == "1");
    CHECK_THAT(replies[1].body, Contains(R"("record_id":"DEMO_0001")"));
    CHECK_THAT(replies[2].body, Contains("DEMO_0001"));
    CHECK(replies[3].body == "1");
    CHECK_THAT(replies[4].body, !Contains("DEMO_0001")); // deleted by then
}

TEST_CASE("fiona-redcapd: a multipart body needs its last boundary, but no line end behind it")
{
    const RedcapCalls redcap;
    const auto ask = [&](const std::string& end) {
        const auto body = version_call(redcap.demo, end);
        // Twice on one connection: what follows a body is the next request.
        return curl(redcap.server.url, {"-H", "Content-Type: multipart/form-data; boundary=edge",
                                        "--data-binary", body, redcap.server.url});
    };

    for (const auto* const end :
         {"\r\n--edge--", "\r\n--edge--\r\n", "\r\n--edge--\r\nwhat is ignored"}) {
        const auto reply = ask(end);
        CAPTURE(end, reply.body);
        CHECK_THAT(reply.body, StartsWith("14.0.0\n200 ") && EndsWith("14.0.0"));
        CHECK(reply.status == 200);
    }
    for (const auto* const end : {"", "\r\n", "\r\n--edge", "\r\n--edge-", "\r\n--edge--\n"}) {
        const auto reply = ask(end);
        CAPTURE(end, reply.body);
        CHECK_THAT(reply.body, Contains("too large or incomplete"));
    }
}

TEST_CASE("fiona-redcapd: a multipart body may be packed with gzip")
{
    const RedcapCalls redcap;
    const std::string file = redcap.site.directory / "body";
    std::ofstream{file} << version_call(redcap.demo, "\r\n--edge--\r\n");
    REQUIRE(fiona::run({.arguments = {"gzip", file}}).exit_code == 0);

    const auto reply =
        curl(redcap.server.url, {"-H", "Content-Type: multipart/form-data; boundary=edge", "-H",
                                 "Content-Encoding: gzip", "--data-binary", "@" + file + ".gz"});

    CHECK(reply.status == 200);
    CHECK(reply.body == "14.0.0");
}

TEST_CASE("fiona-redcapd: clients in PHP and JavaScript find all they look for")
{
    const RedcapCalls redcap;
    const auto [program, script] = GENERATE(table<std::string, std::string>({
        {"/usr/bin/php", "redcapd_client.php"},
        {"/usr/bin/node", "redcapd_client.mjs"},
    }));
    const auto token = script.ends_with(".php") ? redcap.demo : redcap.site.token("dtp");
    if (!std::filesystem::exists(program)) {
        skip("no " + program);
        return;
    }
    const std::string file = redcap.site.directory / "client.token";
    std::ofstream{file} << token << "\n";

    const auto run = fiona::run({.arguments = {program, FIONA_SOURCE_DIR "/tests/tools/" + script,
                                               redcap.server.url, file}});

    CAPTURE(run.err, run.out);
    CHECK(run.exit_code == 0);
    CHECK(run.out == "all answers are good\n");
}
