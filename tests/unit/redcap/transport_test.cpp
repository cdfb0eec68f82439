// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/redcap/transport.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/redcap/scripted_server.h"

#include <catch2/catch.hpp>

#include <cstdlib>

using namespace fiona;
using namespace fiona::redcap;

namespace {

Fault fault_of_url(const std::string& url)
{
    RedcapConfig config;
    config.url = url;
    try {
        const Transport transport{config};
    } catch (const Error& e) {
        if (std::string{e.what()}.find("secret") != std::string::npos) {
            FAIL("the URL is in the error");
        }
        return e.fault();
    }
    return Fault::internal;
}

constexpr std::chrono::seconds patience{5};

} // namespace

TEST_CASE("plain http leaves the machine for nobody")
{
    const auto* const url =
        GENERATE("http://redcap.example.org/api/", "http://192.0.2.1/api/", "ftp://127.0.0.1/",
                 "http://127.0.0.1.example.org/api/", "", "not a url at all \n",
                 "https://user:secret@redcap.example.org/api/", "file:///etc/secret");
    CAPTURE(url);
    CHECK(fault_of_url(url) == Fault::config);
}

TEST_CASE("https, and http on the loopback, may be used")
{
    const auto* const url =
        GENERATE("https://redcap.example.org/api/", "http://127.0.0.1:8080/api/",
                 "http://localhost/api/", "http://[::1]:1/api/");
    RedcapConfig config;
    config.url = url;
    CHECK_NOTHROW(Transport{config});
}

TEST_CASE("a proxy of the environment is not asked about the loopback")
{
    ::setenv("http_proxy", "http://127.0.0.1:9",
             1); // NOLINT(concurrency-mt-unsafe) before the client
    const ScriptedServer server{{http(200, "hello")}};
    RedcapConfig config;
    config.url = server.url();
    Transport transport{config};

    const auto answer = transport.post("a=b", patience);

    ::unsetenv("http_proxy"); // NOLINT(concurrency-mt-unsafe) nobody else reads it
    CHECK(answer.status == 200);
    CHECK(answer.body == "hello");
}

TEST_CASE("a UNIX socket carries plain http, whatever host the URL names")
{
    const TempDir directory;
    const auto path = (directory / "redcap.sock").native();
    const ScriptedServer server{{http(200, "hello", "Retry-After: 7\r\n")}, path};
    RedcapConfig config;
    config.url = "http://redcap.example.org/api/";
    config.unix_socket = path;
    Transport transport{config};

    const auto answer = transport.post("a=b", patience);

    CHECK(answer.body == "hello");
    CHECK(answer.retry_after == std::chrono::seconds{7});
    CHECK(server.requests().at(0) == "a=b");
}

TEST_CASE("a server that accepts and says nothing costs the patience, not more")
{
    const ScriptedServer server{{std::string{silence}}};
    RedcapConfig config;
    config.url = server.url();
    Transport transport{config};
    const auto started = std::chrono::steady_clock::now();

    CHECK_THROWS_AS(transport.post("x", std::chrono::milliseconds{200}), Error);
    CHECK(std::chrono::steady_clock::now() - started < std::chrono::seconds{4});
}
