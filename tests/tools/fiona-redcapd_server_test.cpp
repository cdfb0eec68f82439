// SPDX-License-Identifier: MIT
// The server around the API: TLS, limits, clients that do nothing, many at once.
#include "libfiona/base/unique_fd.h"
#include "tests/support/redcap_calls.h"

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <thread>

using Catch::Matchers::Contains;
using Catch::Matchers::EndsWith;
using Catch::Matchers::StartsWith;

namespace {

fiona::UniqueFd connect_to(const std::string& url)
{
    sockaddr_in place{};
    place.sin_family = AF_INET;
    place.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    place.sin_port = htons(static_cast<std::uint16_t>(std::stoi(url.substr(url.rfind(':') + 1))));
    fiona::UniqueFd fd{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast) the sockets API
    REQUIRE(::connect(fd.get(), reinterpret_cast<sockaddr*>(&place), sizeof place) == 0);
    return fd;
}

/// What comes within 10 s, at most a page.
std::string part_of_answer(const fiona::UniqueFd& fd)
{
    pollfd watched{fd.get(), POLLIN, 0};
    REQUIRE(::poll(&watched, 1, 10'000) == 1);
    std::array<char, 4096> bytes{};
    const auto got = ::recv(fd.get(), bytes.data(), bytes.size(), 0);
    return {bytes.data(), got > 0 ? static_cast<std::size_t>(got) : 0};
}

/// Head and body may come in two pieces; a version ends the body of request().
std::string answer_of(const fiona::UniqueFd& fd)
{
    std::string answer;
    for (std::string part = "-"; !part.empty() && !answer.ends_with("14.0.0"); answer += part) {
        part = part_of_answer(fd);
    }
    return answer;
}

std::string request(const std::string& token)
{
    const auto body = "token=" + token + "&content=version";
    return fmt::format("POST /api/ HTTP/1.1\r\nHost: localhost\r\nContent-Type: "
                       "application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{}",
                       body.size(), body);
}

} // namespace

TEST_CASE(
    "fiona-redcapd: 200 clients that keep silent delay nobody, whether they asked before or not")
{
    const RedcapCalls redcap;
    std::vector<fiona::UniqueFd> silent;
    for (int i = 0; i < 200; ++i) {
        silent.push_back(connect_to(redcap.server.url));
        if (i % 2 == 0) {
            fiona::write_all(silent.back().get(), request(redcap.demo), "request");
            REQUIRE_THAT(answer_of(silent.back()), StartsWith("HTTP/1.1 200"));
        }
    }

    const auto begin = std::chrono::steady_clock::now();
    CHECK(redcap.call(redcap.demo, {{"content", "version"}}).body == "14.0.0");
    CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds{5});
    // The one that came last was not closed for that.
    fiona::write_all(silent.back().get(), request(redcap.demo), "request");
    CHECK_THAT(answer_of(silent.back()), EndsWith("14.0.0"));
}

TEST_CASE("fiona-redcapd: requests that follow each other on one connection are all answered")
{
    const RedcapCalls redcap;
    const auto fd = connect_to(redcap.server.url);
    const auto one = request(redcap.demo);

    fiona::write_all(fd.get(), one + one + one, "requests"); // before any answer was read

    std::string answers;
    while (std::count(answers.begin(), answers.end(), 'H') < 3
           || answers.substr(answers.size() - 6) != "14.0.0") {
        const auto more = part_of_answer(fd);
        REQUIRE_FALSE(more.empty());
        answers += more;
    }
    std::size_t count = 0;
    for (auto at = answers.find("HTTP/1.1 200"); at != std::string::npos;
         at = answers.find("HTTP/1.1 200", at + 1)) {
        ++count;
    }
    CHECK(count == 3);
}

TEST_CASE("fiona-redcapd: a head that does not end is refused")
{
    const RedcapCalls redcap;
    const auto fd = connect_to(redcap.server.url);
    std::string head = "POST /api/ HTTP/1.1\r\n";
    for (int i = 0; i < 40; ++i) {
        head += fmt::format("X-{}: {}\r\n", i, std::string(1000, 'a'));
    }

    static_cast<void>(::send(fd.get(), head.data(), head.size(), MSG_NOSIGNAL));

    CHECK_THAT(part_of_answer(fd), !StartsWith("HTTP/1.1 2"));
    CHECK(redcap.call(redcap.demo, {{"content", "version"}}).status == 200);
}

TEST_CASE("fiona-redcapd: who asks too often is told when to come back")
{
    const RedcapCalls redcap{{"--rate", "3"}};
    for (int i = 0; i < 3; ++i) {
        REQUIRE(redcap.call(redcap.demo, {{"content", "version"}}).status == 200);
    }

    const auto refused =
        curl(redcap.server.url, {"-i", "-d", "token=" + redcap.demo, "-d", "content=version"});

    CHECK(refused.status == 429);
    CHECK_THAT(refused.body, Contains("Retry-After: ") && Contains("Too many requests"));
}

TEST_CASE("fiona-redcapd: TLS is verified, old versions and plain HTTP are refused")
{
    const RedcapSite site;
    const std::string certificate = site.directory / "cert.pem";
    const std::string key = site.directory / "key.pem";
    REQUIRE(
        fiona::run({.arguments = {"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                                  "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj",
                                  "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1",
                                  "-keyout", key, "-out", certificate}})
            .exit_code
        == 0);
    SECTION("a key that others can read is refused")
    {
        std::filesystem::permissions(key, std::filesystem::perms{0644});
        CHECK(run_tool("fiona-redcapd", {"serve", "--db", site.database(), "--listen",
                                         "127.0.0.1:0", "--cert", certificate, "--key", key})
                  .exit_code
              == EX_CONFIG);
    }
    SECTION("served")
    {
        std::filesystem::permissions(key, std::filesystem::perms{0600});
        RedcapServer server{site, {"--cert", certificate, "--key", key}};
        const auto token = site.token("dtp");
        const std::vector<std::string> call{"-d", "token=" + token, "-d", "content=record",
                                            "-d", "format=json"};
        const auto with = [&](std::vector<std::string> more) {
            more.insert(more.end(), call.begin(), call.end());
            return curl(server.url, more);
        };
        REQUIRE_THAT(server.url, StartsWith("https://127.0.0.1:"));

        CHECK(with({"--cacert", certificate}).body == "[]");
        CHECK(with({}).status == 0); // an unknown authority
        CHECK(with({"--cacert", certificate, "--tls-max", "1.1"}).status == 0);
        auto plain = server.url;
        plain.replace(0, 5, "http");
        CHECK(curl(plain, call).status == 0);
        const std::string big = site.directory / "big";
        { // larger than the buffers of a connection, both ways
            std::ofstream out{big};
            out << R"(data=[{"record_id":"P","leave_alone_notes":")" << std::string(3'000'000, 'n')
                << "\"}]";
        }
        CHECK(with({"--cacert", certificate, "--data-binary", "@" + big}).body == R"({"count":1})");
        CHECK(with({"--cacert", certificate}).body.size() > 3'000'000);
        CHECK(server.end(SIGTERM) == EX_OK);
    }
}

TEST_CASE("fiona-redcapd: 20 writers at once make 20 different instances")
{
    const RedcapCalls redcap;
    const auto token = redcap.site.token("incoming");
    std::atomic<int> failed{0};
    {
        std::vector<std::jthread> writers;
        for (int i = 0; i < 20; ++i) {
            writers.emplace_back([&, i] {
                const auto data = fmt::format(
                    R"([{{"study_instance_uid":"1","redcap_repeat_instrument":"series","redcap_repeat_instance":"new","series_instance_uid":"1.{}"}}])",
                    i);
                const auto reply =
                    curl(redcap.server.url, {"-d", "token=" + token, "-d", "content=record", "-d",
                                             "format=json", "--data-urlencode", "data=" + data});
                failed += reply.status == 200 ? 0 : 1;
            });
        }
    }
    CHECK(failed == 0);
    const auto reply = redcap.call(
        token, {{"content", "record"}, {"format", "csv"}, {"fields", "series_instance_uid"}});
    CHECK(std::count(reply.body.begin(), reply.body.end(), '\n') == 22); // header and base row
}
