// SPDX-License-Identifier: MIT
#include "libfiona/base/files.h"
#include "libfiona/base/json.h"
#include "libfiona/base/sqlite.h"
#include "libfiona/base/unique_fd.h"
#include "tests/support/redcap_server.h"
#include "tests/support/run_tool.h"
#include "tests/support/temp_dir.h"

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sysexits.h>

#include <array>
#include <atomic>
#include <csignal>
#include <fstream>
#include <map>
#include <mutex>
#include <set>
#include <thread>

using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;
namespace fs = std::filesystem;
namespace json = fiona::json;

namespace {

std::vector<std::string> record_call(const std::string& token)
{
    return {"-d", "token=" + token, "-d", "content=record", "-d", "format=json"};
}

Reply import(const std::string& where, const std::string& token, const std::string& data)
{
    auto options = record_call(token);
    options.insert(options.end(), {"--data-urlencode", "data=" + data});
    return curl(where, options);
}

/// Sends these bytes as they are, then no more; returns the status line.
std::string send_raw(const std::string& url, const std::string& bytes)
{
    sockaddr_in place{};
    place.sin_family = AF_INET;
    place.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const auto colon = url.rfind(':');
    place.sin_port = htons(static_cast<std::uint16_t>(std::stoi(url.substr(colon + 1))));
    const fiona::UniqueFd fd{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast) the sockets API
    REQUIRE(::connect(fd.get(), reinterpret_cast<sockaddr*>(&place), sizeof place) == 0);
    fiona::write_all(fd.get(), bytes, "request");
    REQUIRE(::shutdown(fd.get(), SHUT_WR) == 0);
    std::array<char, 64> answer{};
    const auto got = ::recv(fd.get(), answer.data(), answer.size(), 0);
    return {answer.data(), got > 0 ? static_cast<std::size_t>(got) : 0};
}

std::string integrity(const std::string& database)
{
    fiona::Database db{database, fiona::Database::Open::existing};
    fiona::Query query{db, "PRAGMA integrity_check"};
    return query.next() ? query.text(0) : "";
}

} // namespace

TEST_CASE("fiona-redcapd: from init to a record on a UNIX socket and on loopback")
{
    const RedcapSite site;
    const auto made =
        run_tool("fiona-redcapd", {"project", "create", "--db", site.database(), "--title", "DEMO",
                                   "--event", "01", "--event", "baseline", "--print-token"});
    REQUIRE(made.exit_code == EX_OK);
    const auto token = made.out.substr(0, 32);
    const std::string socket = site.directory / "api.sock";
    RedcapServer server{site, {"--socket", socket}};
    const bool by_socket = GENERATE(false, true);
    const std::string where = by_socket ? "unix:" + socket : server.url;
    CAPTURE(where);

    CHECK(import(where, token, R"([{"record_id":"DEMO_0001","first_name":"DEMO_0001"}])").body
          == R"({"count":1})");
    const auto events = curl(
        where, {"-F", "token=" + token, "-F", "content=event", "-F", "format=json"}); // multipart
    CHECK(events.status == 200);
    CHECK(json::parse(events.body, "events").array().size() == 3);
    CHECK(curl(where, {"-d", "token=" + token, "-d", "content=version"}).body == "14.0.0");

    struct stat status {};
    REQUIRE(::stat(socket.c_str(), &status) == 0);
    CHECK((status.st_mode & 0777U) == 0660U);
    CHECK(server.end(SIGTERM) == EX_OK);
    CHECK_FALSE(fs::exists(socket));
    CHECK_THAT(server.log(), Contains("event=server_stopped"));
}

TEST_CASE("fiona-redcapd: a second init makes nothing and prints nothing")
{
    const RedcapSite site;
    const auto tokens = fiona::read_file(site.tokens());

    const auto again = run_tool("fiona-redcapd",
                                {"init", "--db", site.database(), "--tokens-file", site.tokens()});

    CHECK(again.exit_code == EX_OK);
    CHECK(again.out.empty());
    CHECK(fiona::read_file(site.tokens()) == tokens);
    CHECK_THAT(tokens, StartsWith("incoming = "));
    CHECK((fs::status(site.tokens()).permissions() & fs::perms::mask)
          == (fs::perms::owner_read | fs::perms::owner_write));
    CHECK((fs::status(site.database()).permissions() & fs::perms::mask)
          == (fs::perms::owner_read | fs::perms::owner_write));
}

TEST_CASE("fiona-redcapd: a dry run says what would be made and makes nothing")
{
    const TempDir directory;
    const std::string database = directory / "new" / "redcap.db";
    const std::string tokens = directory / "new" / "tokens";

    const auto run =
        run_tool("fiona-redcapd", {"init", "--dry-run", "--db", database, "--tokens-file", tokens});

    CHECK(run.exit_code == EX_OK);
    CHECK_THAT(run.out, Contains("project would be made: dtp"));
    CHECK(fs::is_empty(directory.path));

    const RedcapSite site;
    CHECK(run_tool("fiona-redcapd", {"project", "create", "-n", "--db", site.database(), "--title",
                                     "DEMO", "--print-token"})
              .out
          == "project would be made: DEMO\n");
    CHECK(run_tool("fiona-redcapd", {"token", "create", "-n", "--db", site.database(), "--project",
                                     "dtp", "--rights", "all"})
              .exit_code
          == EX_OK);
    CHECK_THAT(run_tool("fiona-redcapd", {"project", "list", "--db", site.database()}).out,
               !Contains("DEMO"));
}

TEST_CASE("fiona-redcapd: a bad command line is 64, a bad place to listen 78")
{
    const RedcapSite site;
    auto [arguments, code] = GENERATE(table<std::vector<std::string>, int>({
        {std::vector<std::string>{}, EX_USAGE},
        {{"explode"}, EX_USAGE},
        {{"project", "create", "--db", "DB"}, EX_USAGE},
        {{"token", "create", "--db", "DB", "--project", "dtp", "--rights", "x"}, EX_USAGE},
        {{"token", "revoke", "--db", "DB"}, EX_USAGE},
        {{"serve", "--db", "DB", "--listen", "127.0.0.1:0", "--fault", "x"}, EX_USAGE},
        {{"serve", "--db", "DB", "--listen", "127.0.0.1:0"}, EX_CONFIG}, // not asked for in clear
        {{"serve", "--db", "DB", "--listen", "0.0.0.0:0", "--plain-http"}, EX_CONFIG},
        {{"serve", "--db", "DB", "--listen", "127.0.0.1:0", "--cert", "c"}, EX_USAGE},
        {{"serve", "--db", "DB", "--listen", "127.0.0.1:0", "--cert", "c", "--key", "k"},
         EX_NOINPUT},
        {{"token", "create", "--db", "DB", "--project", "dtp"}, EX_USAGE},
        {{"token", "create", "--db", "DB", "--super", "--rights", "all"}, EX_USAGE},
        {{"import-odm", "--db", "DB"}, EX_USAGE},
        {{"import-odm", "--db", "DB", "/nonexistent.xml"}, EX_NOINPUT},
        {{"dictionary", "export", "--db", "DB"}, EX_USAGE},
        {{"dictionary", "export", "--db", "DB", "--project", "x"}, EX_NOINPUT},
        {{"dictionary", "unique", "--db", "DB", "--project", "incoming", "--form", "x"}, EX_USAGE},
        {{"backup", "--db", "DB"}, EX_USAGE},
        {{"check", "--db", "DBx"}, EX_NOINPUT},
        {{"serve", "--db", "DB", "--listen", "127.0.0.1", "--plain-http"}, EX_CONFIG},
        {{"serve", "--db", "DB", "--listen", "[::]:0", "--plain-http"}, EX_CONFIG},
        {{"serve", "--db", "DBx", "--listen", "127.0.0.1:0"}, EX_NOINPUT},
        {{"token", "create", "--db", "DB", "--project", "x", "--rights", "all"}, EX_NOINPUT},
    }));
    for (auto& argument : arguments) { // each run of this test has a database of its own
        if (argument.starts_with("DB")) {
            argument.replace(0, 2, site.database());
        }
    }
    CAPTURE(arguments);

    CHECK(run_tool("fiona-redcapd", arguments).exit_code == code);
}

TEST_CASE("fiona-redcapd: one bad row among good ones, and none is written")
{
    const RedcapSite site;
    const RedcapServer server{site};
    const auto token = site.token("dtp");

    const auto reply = import(server.url, token,
                              R"([{"record_id":"A"},{"record_id":"B","project_active":"maybe"}])");

    CHECK(reply.status == 400);
    CHECK_THAT(reply.body, Contains("The value is not a valid category for project_active"));
    CHECK(curl(server.url, record_call(token)).body == "[]");
}

TEST_CASE("fiona-redcapd: only POST /api/ is served, within limits")
{
    const RedcapSite site;
    const RedcapServer server{site};
    const auto token = site.token("dtp");
    const std::string big = site.directory / "big";
    {
        std::ofstream out{big};
        out << "token=" << token << "&content=record&format=json&data=";
        for (int i = 0; i < 33; ++i) {
            out << std::string(std::size_t{1} << 20U, 'a');
        }
    }

    CHECK(curl(server.url, {}).body == "The requested method is not implemented.");
    CHECK(curl(server.url, {"-X", "DELETE"}).status == 501);
    CHECK(curl(server.url + "x", {"-d", "a=b"}).status == 404);
    CHECK(curl(server.url.substr(0, server.url.size() - 4), {"-d", "a=b"}).status == 404);
    CHECK(curl(server.url, {"-H", "Expect:", "--data-binary", "@" + big}).status == 413);
    CHECK(curl(server.url, {"-X", "POST", "-H", "Content-Length:"}).status == 411);
    CHECK(curl(server.url, {"-d", "token=TOKEN000TOKEN000TOKEN000TOKEN000"}).status == 403);
    CHECK(curl(server.url, record_call(token)).status == 200); // it still serves
}

TEST_CASE("fiona-redcapd: a request that breaks off or lies about its length is not carried out")
{
    const RedcapSite site;
    const RedcapServer server{site};
    const auto token = site.token("dtp");
    const auto body = "token=" + token + R"(&content=record&format=json&data=[{"record_id":"A"}])";
    const std::string head = "POST /api/ HTTP/1.1\r\nHost: localhost\r\n"
                             "Content-Type: application/x-www-form-urlencoded\r\n";
    const std::string rest =
        GENERATE("Content-Length: 500", "Content-Length: -1", "Content-Length: 9999999999999999999",
                 "Transfer-Encoding: chunked", "Content-Length: 80\r\nContent-Encoding: gzip");
    CAPTURE(rest);

    CHECK_THAT(send_raw(server.url, head + rest + "\r\n\r\n" + body), StartsWith("HTTP/1.1 4"));

    CHECK(curl(server.url, record_call(token)).body == "[]");
}

TEST_CASE("fiona-redcapd: the access log holds no token, parameter or value")
{
    const RedcapSite site;
    RedcapServer server{site};
    const auto token = site.token("incoming");

    REQUIRE(import(server.url, token,
                   R"([{"study_instance_uid":"1.2","study_accession_number":"ACCSECRET"}])")
                .status
            == 200);
    REQUIRE(import(server.url, token, R"([{"study_instance_uid":"1.2","x":"WRONGSECRET"}])").status
            == 400);
    REQUIRE(server.end(SIGTERM) == EX_OK);

    CHECK_THAT(server.log(), Contains("event=request_answered content=record project=incoming "
                                      "status=200"));
    CHECK_THAT(server.log(), Contains("status=400") && !Contains(token) && !Contains("SECRET")
                                 && !Contains("study_accession_number"));
}

TEST_CASE("fiona-redcapd: a revoked token is refused at once")
{
    const RedcapSite site;
    const RedcapServer server{site};
    const auto token = site.token("dtp");
    REQUIRE(curl(server.url, record_call(token)).status == 200);

    const auto run = run_tool("fiona-redcapd", {"token", "revoke", "--db", site.database(),
                                                "--project", "dtp", "--user", "fiona"});

    CHECK(run.out == "1 tokens revoked\n");
    CHECK(curl(server.url, record_call(token)).status == 403);
}

TEST_CASE("fiona-redcapd: what a command and a running server write is there for both, and stays")
{
    const RedcapSite site;
    const auto token = site.token("autoid");
    {
        RedcapServer server{site};
        REQUIRE(import(server.url, token, R"([{"record_id":"before"}])").status == 200);
        // The last of SQLite's connections removes the write-ahead log: this must not be that one.
        REQUIRE(run_tool("fiona-redcapd",
                         {"project", "create", "--db", site.database(), "--title", "DEMO"})
                    .exit_code
                == EX_OK);
        REQUIRE(import(server.url, token, R"([{"record_id":"after"}])").status == 200);
        CHECK_THAT(run_tool("fiona-redcapd", {"project", "list", "--db", site.database()}).out,
                   Contains("DEMO") && Contains("AutoID\tclassic\t2 records"));
        REQUIRE(server.end(SIGTERM) == EX_OK);
    }

    CHECK_THAT(run_tool("fiona-redcapd", {"project", "list", "--db", site.database()}).out,
               Contains("DEMO") && Contains("AutoID\tclassic\t2 records"));
    CHECK(integrity(site.database()) == "ok");
}

TEST_CASE("fiona-redcapd: importers in parallel, killed at any moment: what was said is there")
{
    const RedcapSite site;
    const auto token = site.token("incoming");
    constexpr int importers = 3;
    std::mutex mutex;
    std::vector<std::string> acknowledged;
    for (int round = 0; round < 4; ++round) {
        RedcapServer server{site};
        std::atomic<int> answered{0};
        std::vector<std::jthread> threads;
        for (int importer = 0; importer < importers; ++importer) {
            threads.emplace_back([&, importer] {
                for (int i = 0;; ++i) {
                    const auto study = fmt::format("1.{}.{}.{}", round, importer, i);
                    const auto data = fmt::format(
                        R"([{{"study_instance_uid":"{0}","study_description":"x"}},
                            {{"study_instance_uid":"{0}","redcap_repeat_instrument":"series",
                              "redcap_repeat_instance":"new","series_instance_uid":"{0}.1"}},
                            {{"study_instance_uid":"counter","redcap_repeat_instrument":"series",
                              "redcap_repeat_instance":"new","series_instance_uid":"{0}"}}])",
                        study);
                    if (import(server.url, token, data).status != 200) {
                        return; // the server is dead
                    }
                    const std::scoped_lock lock{mutex};
                    acknowledged.push_back(study);
                    ++answered;
                }
            });
        }
        const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds{30};
        while (answered < 5 + round && std::chrono::steady_clock::now() < deadline) {
            std::this_thread::sleep_for(std::chrono::milliseconds{1});
        }
        server.end(SIGKILL);
    }
    REQUIRE(acknowledged.size() >= 20);
    CHECK(integrity(site.database()) == "ok");

    const RedcapServer server{site};
    const auto rows = json::parse(curl(server.url, record_call(token)).body, "rows");

    std::map<std::string, int> rows_of;
    std::set<std::string> counted;
    std::size_t counter_rows = 0;
    for (const auto& row : rows.array()) {
        const auto study = row.text("study_instance_uid");
        ++rows_of[study];
        if (study == "counter" && !row.text("series_instance_uid").empty()) {
            counted.insert(row.text("series_instance_uid"));
            ++counter_rows;
        }
    }
    for (const auto& study : acknowledged) {
        CAPTURE(study);
        CHECK(rows_of[study] == 2);
        CHECK(counted.contains(study));
    }
    CHECK(counter_rows == counted.size());       // no number was given twice
    CHECK(rows_of.size() - 1 == counted.size()); // a study is there with its counter, or not
    CHECK(counted.size() <= acknowledged.size() + 4 * importers); // committed, answer lost
}

TEST_CASE("fiona-redcapd: init killed half-way is finished by the next one")
{
    const RedcapSite site;
    // What a crash between the tokens file and the database leaves behind.
    for (const auto* const suffix : {"", "-wal", "-shm"}) {
        fs::remove(site.database() + suffix);
    }
    const auto tokens = fiona::read_file(site.tokens());

    REQUIRE(
        run_tool("fiona-redcapd", {"init", "--db", site.database(), "--tokens-file", site.tokens()})
            .exit_code
        == EX_OK);

    CHECK(fiona::read_file(site.tokens()) == tokens);
    const RedcapServer server{site};
    CHECK(curl(server.url, record_call(site.token("ids7"))).status == 200);
}

TEST_CASE("fiona-redcapd: faults on purpose")
{
    const RedcapSite site;
    const auto token = site.token("autoid");
    const std::string row = R"([{"record_id":"1"}])";
    SECTION("a status, and nothing is done")
    {
        {
            const RedcapServer server{site, {"--fault", "status=500,1"}};
            CHECK(import(server.url, token, row).status == 500);
        }
        CHECK(curl(RedcapServer{site}.url, record_call(token)).body == "[]");
    }
    SECTION("HTML with status 200, and nothing is done")
    {
        {
            const RedcapServer server{site, {"--fault", "html200,1"}};
            const auto reply = import(server.url, token, row);
            CHECK(reply.status == 200);
            CHECK_THAT(reply.body, StartsWith("<!DOCTYPE html>"));
        }
        CHECK(curl(RedcapServer{site}.url, record_call(token)).body == "[]");
    }
    SECTION("half an answer")
    {
        const RedcapServer server{site, {"--fault", "truncate,1"}};
        CHECK(curl(server.url, record_call(token)).status == 0); // curl sees the missing bytes
    }
    SECTION("no answer after the commit")
    {
        {
            const RedcapServer server{site, {"--fault", "drop-after-commit,1"}};
            CHECK(import(server.url, token, row).status == 0);
            CHECK(curl(server.url, record_call(token)).status == 200); // reads are answered
        }
        const RedcapServer server{site};
        CHECK_THAT(curl(server.url, record_call(token)).body, Contains(R"("record_id":"1")"));
    }
    SECTION("a delay")
    {
        const RedcapServer server{site, {"--fault", "delay=300,1"}};
        const auto begin = std::chrono::steady_clock::now();
        CHECK(import(server.url, token, row).status == 200);
        CHECK(std::chrono::steady_clock::now() - begin >= std::chrono::milliseconds{300});
    }
}

TEST_CASE("fiona-redcapd: start, status and stop of a site's server")
{
    const RedcapSite site;
    const std::string config = site.directory / "config.json";
    const std::string socket = site.directory / "api.sock";
    {
        std::ofstream out{config};
        out << json::write(json::Object{{"ROOT", site.directory.path.native()},
                                        {"REDCAP", json::Object{{"db", site.database()},
                                                                {"url", "http://localhost/api/"},
                                                                {"unix_socket", socket},
                                                                {"tokens_file", site.tokens()}}}});
    }
    const auto tool = [&](const std::string& command) {
        return run_tool("fiona-redcapd", {"--config", config, command});
    };

    CHECK(tool("init").exit_code == EX_OK); // all places from the configuration
    CHECK(tool("status").exit_code == EX_UNAVAILABLE);
    const auto started = tool("start");
    CAPTURE(started.err);
    CHECK(started.out == "started\n");
    CHECK(tool("start").out == "already running\n");
    CHECK(tool("status").exit_code == EX_OK);
    CHECK(curl("unix:" + socket, record_call(site.token("dtp"))).body == "[]");
    CHECK(tool("serve").exit_code == EX_TEMPFAIL); // the socket is taken
    CHECK(tool("stop").out == "stopped\n");
    CHECK(tool("stop").out == "was not running\n");
    CHECK_THAT(fiona::read_file(site.directory.path / "home/processing/logs/fiona-redcapd.log"),
               Contains("event=server_stopped"));
}
