// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/base/log.h"
#include "libfiona/redcap/client.h"
#include "libfiona/store/atomic_file.h"
#include "tests/support/cpu_time.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/redcap/scripted_server.h"

#include <catch2/catch.hpp>
#include <fmt/format.h>

using namespace fiona;
using namespace fiona::redcap;
using Catch::Matchers::Contains;

namespace {

constexpr auto token_text = "TOKEN000TOKEN000TOKEN000TOKEN000";
constexpr auto two_rows = R"([{"record_id":"A","x":"1"},{"record_id":"B","x":"2"}])";
constexpr auto dictionary = R"([{"field_name":"record_id","form_name":"f"},{"field_name":"x"}])";

RedcapConfig config_for(const std::string& url)
{
    RedcapConfig config;
    config.url = url;
    config.timeout = std::chrono::seconds{5};
    config.deadline = std::chrono::seconds{10};
    return config;
}

std::unique_ptr<Client> client_of(const ScriptedServer& server)
{
    return connect(config_for(server.url()), Private{std::string{token_text}});
}

Fault fault_of(const std::function<void()>& action, std::string* text = nullptr)
{
    try {
        action();
    } catch (const Error& e) {
        if (text != nullptr) {
            *text = e.what();
        }
        return e.fault();
    }
    FAIL("nothing was thrown");
    return Fault::internal;
}

ExportSpec everything()
{
    return {};
}

} // namespace

TEST_CASE("all calls of a client go over one connection")
{
    const ScriptedServer server{{http(200, dictionary), http(200, two_rows), http(200, "14.0.0")}};
    const auto client = client_of(server);

    const auto rows = client->export_records(everything());
    const auto version = client->version();

    CHECK(rows.size() == 2);
    CHECK(version == "14.0.0");
    CHECK(server.connections() == 1);
    CHECK(client->traffic().calls == 3);
    CHECK(client->traffic().rows_read == 2);
}

TEST_CASE("an export always asks for the record id, and arrays are numbered")
{
    const ScriptedServer server{{http(200, dictionary), http(200, "[]")}};
    const auto client = client_of(server);
    ExportSpec spec;
    spec.fields = {"x", "record_id"};
    spec.records = {"A", "B"};
    spec.forms = {"f"};

    static_cast<void>(client->export_records(spec));

    CHECK_THAT(server.requests().at(1),
               Contains("token=TOKEN000TOKEN000TOKEN000TOKEN000&content=record")
                   && Contains("fields[0]=record_id&fields[1]=x&") && Contains("records[1]=B")
                   && Contains("forms[0]=f") && !Contains("fields[2]"));
}

TEST_CASE("an answer that cannot be trusted is asked for again")
{
    const auto bad = GENERATE(
        http(500, "{\"error\":\"internal\"}"), http(200, "<html>maintenance</html>"),
        http(200, "[{\"record_id\":\"A\""), cut_off(two_rows, 20), std::string{},
        http(503, "", "Retry-After: 1\r\n"), http(200, "{\"error\":\"busy\"}"), http(200, ""));
    const ScriptedServer server{{http(200, dictionary), bad, http(200, two_rows)}};
    const auto client = client_of(server);

    CHECK(client->export_records(everything()).size() == 2);
    CHECK(server.requests().size() == 3);
}

TEST_CASE("a refusal is not asked for again")
{
    const auto status = GENERATE(400, 401, 403, 404, 406, 501, 302);
    const ScriptedServer server{{http(200, dictionary), http(status, "{\"error\":\"no\"}")}};
    const auto client = client_of(server);

    CHECK_THROWS_AS(client->export_records(everything()), Error);
    CHECK(server.requests().size() == 2);
}

TEST_CASE("a redirect is not followed")
{
    const ScriptedServer other{{http(200, "14.0.0")}};
    const ScriptedServer server{{http(307, "", "Location: " + other.url() + "\r\n")}};

    CHECK(fault_of([&] { static_cast<void>(client_of(server)->version()); }) == Fault::protocol);
    CHECK(other.requests().empty());
}

TEST_CASE("a wait that would pass the deadline is not begun")
{
    const ScriptedServer server{{http(429, "", "Retry-After: 3600\r\n")}};
    const auto client = client_of(server);
    const auto started = std::chrono::steady_clock::now();

    CHECK(fault_of([&] { static_cast<void>(client->version()); }) == Fault::temporary);
    CHECK(std::chrono::steady_clock::now() - started < std::chrono::seconds{5});
}

TEST_CASE("a server that does not answer in time is for the next run")
{
    // It reads each request, and says nothing; or closes the connection, for the script is at its end.
    const bool is_silent = GENERATE(true, false);
    CAPTURE(is_silent);
    const ScriptedServer server{
        std::vector<std::string>(is_silent ? 100 : 0, std::string{silence})};
    auto config = config_for(server.url());
    config.timeout = std::chrono::seconds{1};
    config.deadline = std::chrono::seconds{2};
    const auto client = connect(config, Private{std::string{token_text}});
    std::string text;
    const auto started = std::chrono::steady_clock::now();

    CHECK(fault_of([&] { static_cast<void>(client->version()); }, &text) == Fault::temporary);
    CHECK_THAT(text, !Contains(token_text));
    CHECK_FALSE(server.requests().empty());
    CHECK(std::chrono::steady_clock::now() - started < std::chrono::seconds{8});
}

TEST_CASE("a record that somebody has locked is refused once, for a person")
{
    const ScriptedServer server{
        {http(200, dictionary),
         http(400,
              R"({"error":"\"A\",\"x\",\"1\",\"This field is located on a form that is locked. )"
              R"(You must first unlock this form for this record.\""})")}};
    const auto client = client_of(server);
    std::string text;

    CHECK(fault_of(
              [&] {
                  client->import_records({{"A", {}, {}, 0, {{"x", "1"}}}}, Overwrite::normal);
              },
              &text)
          == Fault::data);
    CHECK_THAT(text, Contains("locked"));
    CHECK(server.requests().size() == 2);
}

TEST_CASE("a project of 100,000 records is fetched whole, at once or record list by record list")
{
    constexpr unsigned records = 100'000;
    constexpr unsigned in_a_list = 200;
    const auto rows = [](unsigned from, unsigned to) {
        std::string text = "[";
        for (auto i = from; i < to; ++i) {
            text += fmt::format("{}{{\"record_id\":\"R{:06}\",\"x\":\"{}\"}}", i == from ? "" : ",",
                                i, i);
        }
        return http(200, text + "]");
    };
    const bool is_too_large = GENERATE(false, true);
    CAPTURE(is_too_large);
    std::vector<std::string> answers{http(200, dictionary)};
    if (is_too_large) {
        answers.push_back(http(200, "{\"error\":\"REDCap ran out of server memory.\"}"));
    }
    answers.push_back(rows(0, records)); // the data, or the names of the records
    for (unsigned i = 0; is_too_large && i < records; i += in_a_list) {
        answers.push_back(rows(i, i + in_a_list));
    }
    const auto calls = answers.size();
    const ScriptedServer server{std::move(answers)};
    auto config = config_for(server.url());
    config.deadline = std::chrono::minutes{2};
    const CpuTime work;

    const auto read =
        connect(config, Private{std::string{token_text}})->export_records(everything());

    REQUIRE(read.size() == records);
    CHECK(read.front().record == "R000000");
    CHECK(read.back().record == "R099999");
    CHECK(read.back().value("x") == "99999");
    CHECK(server.requests().size() == calls);
    CHECK(work.seconds() < 60); // what grows with the square of the records takes hours
}

TEST_CASE("an import is repeated after a lost answer, import_once is not")
{
    const std::vector<Row> rows{{"A", {}, {}, 0, {{"x", "1"}}}};
    const ScriptedServer server{{http(200, dictionary), "", http(200, "{\"count\":1}"), ""}};
    const auto client = client_of(server);

    CHECK(client->import_records(rows, Overwrite::normal) == 1);
    CHECK(server.requests().size() == 3);
    CHECK(fault_of([&] { client->import_once(rows, Overwrite::normal); }) == Fault::temporary);
    CHECK(server.requests().size() == 4);
    CHECK(server.requests().at(1) == server.requests().at(2));
    CHECK_THAT(server.requests().at(1), Contains("data=[{\"record_id\":\"A\",\"x\":\"1\"}]")
                                            && Contains("overwriteBehavior=normal"));
}

TEST_CASE("a count that is too small is not success")
{
    const ScriptedServer server{{http(200, dictionary), http(200, "{\"count\":0}")}};

    CHECK(fault_of([&] {
              client_of(server)->import_records({{"A", {}, {}, 0, {}}}, Overwrite::normal);
          })
          == Fault::protocol);
}

TEST_CASE("large imports go in several calls and never split a record")
{
    std::vector<Row> rows;
    for (unsigned i = 1; i <= 300; ++i) {
        rows.push_back({"A", {}, "f", i, {}});
    }
    for (unsigned i = 1; i <= 300; ++i) {
        rows.push_back({"B", {}, "f", i, {}});
    }
    rows.push_back({"A", {}, {}, 0, {}});
    const ScriptedServer server{
        {http(200, dictionary), http(200, "{\"count\":1}"), http(200, "{\"count\":\"1\"}")}};

    CHECK(client_of(server)->import_records(rows, Overwrite::overwrite) == 2);

    const auto requests = server.requests();
    REQUIRE(requests.size() == 3);
    CHECK_THAT(requests[1], !Contains("\"B\"") && Contains("{\"record_id\":\"A\"}"));
    CHECK_THAT(requests[2], !Contains("\"A\"") && Contains("overwriteBehavior=overwrite"));
}

TEST_CASE("a server that runs out of memory is asked for half as much")
{
    const std::string out_of_memory =
        "<b>Fatal</b>{\"error\":\"REDCap ran out of server memory. The request\"}";
    const ScriptedServer server{{http(200, dictionary), http(200, out_of_memory),
                                 http(200, R"([{"record_id":"A"}])"),
                                 http(200, R"([{"record_id":"B"}])"), http(200, out_of_memory),
                                 http(200, "{\"count\":1}"), http(200, "{\"count\":1}")}};
    const auto client = client_of(server);
    ExportSpec spec;
    spec.records = {"A", "B"};

    CHECK(client->export_records(spec).size() == 2);
    CHECK(client->import_records({{"A", {}, {}, 0, {}}, {"B", {}, {}, 0, {}}}, Overwrite::normal)
          == 2);
    CHECK_THAT(server.requests().at(2), !Contains("=B"));
}

TEST_CASE("a whole project that is too large is fetched record by record list")
{
    const std::string out_of_memory = "{\"error\":\"REDCap ran out of server memory.\"}";
    const ScriptedServer server{{http(200, dictionary), http(200, out_of_memory),
                                 http(200, two_rows), http(200, two_rows)}};

    CHECK(client_of(server)->export_records(everything()).size() == 2);
    CHECK_THAT(server.requests().at(2), Contains("fields[0]=record_id") && !Contains("records[0]"));
    CHECK_THAT(server.requests().at(3), Contains("records[0]=A&records[1]=B"));
}

TEST_CASE("a delete whose answer was lost is not repeated before a look")
{
    const ScriptedServer server{{http(200, dictionary), "", http(200, "[]")}};
    const auto client = client_of(server);
    CHECK(client->record_id_field() == "record_id");

    CHECK_NOTHROW(client->delete_records({"A"}));
    CHECK(server.requests().size() == 3);
}

TEST_CASE("records that are gone already count as deleted, the rest are deleted")
{
    const ScriptedServer server{
        {http(200, dictionary),
         http(
             400,
             R"({"error":"One or more of the records provided cannot be deleted because they do not exist in the project. The following records do not exist: A"})"),
         http(200, R"([{"record_id":"B"}])"), http(200, "1")}};
    const auto client = client_of(server);
    CHECK(client->record_id_field() == "record_id");

    client->delete_records({"A", "B"});

    CHECK_THAT(server.requests().at(3), Contains("records[0]=B") && !Contains("records[1]"));
}

TEST_CASE("a classic project has no events, and one without repeating forms has none")
{
    const ScriptedServer server{
        {http(400, R"({"error":"You cannot export events for classic projects"})"),
         http(
             400,
             R"({"error":"You cannot export repeating instruments and events because the project does not contain any repeating instruments and events"})"),
         http(200,
              R"([{"event_name":"Baseline","unique_event_name":"baseline_arm_1","event_id":4}])"),
         http(
             200,
             R"([{"event_name":"e","form_name":"imaging"},{"event_name":"f","form_name":"imaging"},{"event_name":"g","form_name":""}])")}};
    const auto client = client_of(server);

    CHECK(client->events().empty());
    CHECK(client->repeating_forms().empty());
    const auto other = client_of(server); // each asks once
    CHECK(other->events().at(0).unique_name == "baseline_arm_1");
    CHECK(other->repeating_forms() == std::vector<std::string>{"imaging"});
    CHECK(other->events().size() == 1);
    CHECK(server.requests().size() == 4);
}

TEST_CASE("the token appears in no error and no log line")
{
    std::vector<std::string> lines;
    log::set_threshold(log::Level::debug);
    log::set_sink([&](log::Level, const std::string& line) { lines.push_back(line); });
    const ScriptedServer server{{http(500, fmt::format("{{\"error\":\"bad {}\"}}", token_text)),
                                 http(403, fmt::format("{{\"error\":\"token {}\"}}", token_text))}};
    std::string text;

    CHECK(fault_of([&] { static_cast<void>(client_of(server)->version()); }, &text)
          == Fault::permission);

    log::set_sink({});
    log::set_threshold(log::Level::info);
    CHECK_THAT(text, !Contains(token_text));
    CHECK(!lines.empty());
    for (const auto& line : lines) {
        CHECK_THAT(line, !Contains(token_text));
    }
}

TEST_CASE("a token is read from its own file, which nobody else may read")
{
    const TempDir directory;
    RedcapConfig config;
    config.tokens_file = directory / "tokens";
    store::write_file(config.tokens_file, "# comment\nincoming = ABC123\n\nrouting=DEF\ndtp =\n",
                      0600);

    CHECK(token_of(config, Role::incoming).reveal() == "ABC123");
    CHECK(token_of(config, Role::routing).reveal() == "DEF");
    CHECK(fault_of([&] { static_cast<void>(token_of(config, Role::dtp)); }) == Fault::config);
    CHECK(fault_of([&] { static_cast<void>(token_of(config, Role::ids7)); }) == Fault::config);

    std::filesystem::permissions(config.tokens_file, std::filesystem::perms{0640});
    CHECK(fault_of([&] { static_cast<void>(token_of(config, Role::incoming)); }) == Fault::config);
}

TEST_CASE("the server's clock is what its answers say")
{
    const ScriptedServer server{
        {http(200, "14.0.0"), http(200, "14.0.0", "Date: Tue, 02 Jan 2024 10:06:40 GMT\r\n")}};
    const auto client = client_of(server);

    static_cast<void>(client->version());
    CHECK_FALSE(client->server_time());
    static_cast<void>(client->version());

    REQUIRE(client->server_time());
    const auto said = Clock::from_time_t(1'704'190'000);
    CHECK(*client->server_time() <= said); // when the request came, not when the answer went
    CHECK(*client->server_time() > said - std::chrono::seconds{5});
}

TEST_CASE("deleted records are read from the log, if the token may")
{
    const ScriptedServer server{
        {http(200, R"([{"timestamp":"2024-01-02 10:31","action":"Delete record (API) 1200",
                        "details":"","record":"1200"},
                       {"timestamp":"2024-01-02 10:30","action":"Delete record 1.2.3","details":""}])"),
         http(200, "[]"), http(403, R"({"error":"You do not have Logging privileges"})")}};
    const auto client = client_of(server);

    CHECK(client->deleted_records("2024-01-02 10:00") == std::vector<std::string>{"1200", "1.2.3"});
    CHECK(client->deleted_records("2024-01-02 10:00") == std::vector<std::string>{});
    CHECK_FALSE(client->deleted_records("2024-01-02 10:00"));
    CHECK_THAT(server.requests().at(0), Contains("content=log") && Contains("logtype=record_delete")
                                            && Contains("beginTime=2024-01-02 10:00"));
}

TEST_CASE("the deadline is one for all calls that fail in a row, and anew after one that succeeds")
{
    // Six bad answers: more than the five tries of one call.
    const std::vector<std::string> bad(6, http(500, "no"));
    auto answers = bad;
    answers.insert(answers.end(), {http(200, "14.0.0"), http(200, "14.0.0")});
    const ScriptedServer server{answers};
    auto config = config_for(server.url());
    config.deadline = std::chrono::seconds{1};
    const auto client = connect(config, Private{std::string{token_text}});
    const auto begin = std::chrono::steady_clock::now();
    unsigned failed = 0;

    while (server.requests().size() <= bad.size() && failed < 20) {
        try {
            static_cast<void>(client->version());
        } catch (const Error& e) {
            CHECK(e.fault() == Fault::temporary);
            ++failed;
        }
    }

    CHECK(failed >= 1); // one call cannot use up six answers
    CHECK(client->version() == "14.0.0");
    CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds{15});
}

TEST_CASE("all tools of a site keep the silence that a server asks of one")
{
    const TempDir state;
    const ScriptedServer server{
        {http(429, "slow down", "Retry-After: 60\r\n"), http(200, "14.0.0")}};
    auto config = config_for(server.url());
    config.deadline = std::chrono::seconds{2};
    config.state_dir = state.path;
    const auto one = connect(config, Private{std::string{token_text}});
    const auto other = connect(config, Private{std::string{token_text}});

    CHECK(fault_of([&] { static_cast<void>(one->version()); }) == Fault::temporary);
    CHECK(fault_of([&] { static_cast<void>(other->version()); }) == Fault::temporary);

    CHECK(server.requests().size() == 1);
}
