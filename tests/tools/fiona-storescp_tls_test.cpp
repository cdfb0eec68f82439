// SPDX-License-Identifier: MIT
#include "libfiona/base/json.h"
#include "libfiona/base/process.h"
#include "tests/support/authority.h"
#include "tests/support/raw_association.h"
#include "tests/support/receiver_site.h"
#include "tests/support/run_tool.h"
#include "tests/support/temp_dir.h"

#include <catch2/catch.hpp>

#include <sys/stat.h>
#include <sysexits.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <vector>

using namespace fiona;
using Catch::Matchers::Contains;
using receiver::eventually;
using receiver::Site;
namespace fs = std::filesystem;

namespace {

/// RECEIVER with a TLS port and the certificate of that name.
json::Object with_tls(const Authority& authority, const std::string& name,
                      const std::string& clients = "required")
{
    return {{"acse_timeout", 4},
            {"tls", json::Object{{"port", 0},
                                 {"certificate", authority.certificate(name)},
                                 {"private_key", authority.key(name)},
                                 {"ca_file", authority.certificate("ca")},
                                 {"client_certificates", clients}}}};
}

std::uint16_t tls_port(const Site& site)
{
    return static_cast<std::uint16_t>(site.status().find("tls_port")->integer());
}

/// A file that storescu takes.
fs::path sendable(const fs::path& directory)
{
    const raw::Ids ids;
    const auto meta = raw::element(0x00020002, "UI", ids.sop_class)
                      + raw::element(0x00020003, "UI", ids.sop)
                      + raw::element(0x00020010, "UI", raw::explicit_little);
    const auto file = directory / "image.dcm";
    std::ofstream{file} << std::string(128, '\0') << "DICM"
                        << raw::element(0x00020000, "UL", raw::little(meta.size(), 4)) << meta
                        << raw::data_set(ids);
    return file;
}

Finished storescu_run(const Site& site, const Authority& authority,
                      std::vector<std::string> options)
{
    std::vector<std::string> words{"storescu", "-to", "10", "-ta", "10"};
    words.insert(words.end(), options.begin(), options.end());
    words.insert(words.end(), {"127.0.0.1", std::to_string(tls_port(site)),
                               sendable(authority.root.path).native()});
    return run({words});
}

int storescu(const Site& site, const Authority& authority, std::vector<std::string> options)
{
    return storescu_run(site, authority, std::move(options)).exit_code;
}

std::vector<std::string> as_client(const Authority& authority, const std::string& name)
{
    return {"+tls", authority.key(name), authority.certificate(name), "+cf",
            authority.certificate("ca")};
}

std::int64_t refused_handshakes(const Site& site)
{
    return site.status().find("refused_associations")->find("tls")->integer();
}

/// What `openssl s_client` makes of the port.
bool handshake_succeeds(const Site& site, const Authority& authority, const std::string& protocol)
{
    const auto result =
        run({{"openssl", "s_client", "-connect", "127.0.0.1:" + std::to_string(tls_port(site)),
              "-cert", authority.certificate("client"), "-key", authority.key("client"), "-cipher",
              "ALL:@SECLEVEL=0", protocol}});
    return result.out.find("Cipher is (NONE)") == std::string::npos
           && result.out.find("Cipher is ") != std::string::npos;
}

} // namespace

TEST_CASE("fiona-storescp: storescu delivers over TLS with a certificate of the authority")
{
    const Authority authority;
    authority.sign("server");
    authority.sign("client");
    authority.self_signed("stranger");
    Site site{with_tls(authority, "server")};
    site.start();

    CHECK(storescu(site, authority, {"+tla", "-ic"}) != 0);
    CHECK(storescu(site, authority,
                   {"+tls", authority.key("stranger"), authority.certificate("stranger"), "-ic"})
          != 0);
    CHECK_FALSE(fs::exists(site.archived({})));
    CHECK(eventually([&] { return refused_handshakes(site) == 2; }));

    CHECK(storescu(site, authority, as_client(authority, "client")) == 0);
    CHECK(fs::exists(site.archived({})));
    CHECK(site.waiting() == 1);
    CHECK(raw::Association{site.port}.echo() == 0x0000); // the plain port stays
}

TEST_CASE("fiona-storescp: TLS without client certificates is possible when it is asked for")
{
    const Authority authority;
    authority.sign("server");
    Site site{with_tls(authority, "server", "none")};
    site.start();

    CHECK(storescu(site, authority, {"+tla", "+cf", authority.certificate("ca")}) == 0);
    CHECK(fs::exists(site.archived({})));
}

TEST_CASE("fiona-storescp: versions of TLS before 1.2 are refused")
{
    const Authority authority;
    authority.sign("server");
    authority.sign("client");
    Site site{with_tls(authority, "server")};
    site.start();

    CHECK_FALSE(handshake_succeeds(site, authority, "-tls1"));
    CHECK_FALSE(handshake_succeeds(site, authority, "-tls1_1"));
    CHECK(handshake_succeeds(site, authority, "-tls1_2"));
    CHECK(handshake_succeeds(site, authority, "-tls1_3"));
}

TEST_CASE("fiona-storescp: an expired certificate of its own is a warning in the log")
{
    const Authority authority;
    authority.sign("server", "-1");
    authority.sign("client");
    Site site{with_tls(authority, "server")};

    site.start();

    CHECK_THAT(site.log(), Contains("event=certificate_not_valid_for_long"));
    CHECK(raw::Association{site.port}.echo() == 0x0000);
    CHECK(storescu(site, authority, as_client(authority, "client")) != 0); // it looks at the date
    auto careless = as_client(authority, "client");
    careless.emplace_back("-ic");
    CHECK(storescu(site, authority, careless) == 0);
}

TEST_CASE("fiona-storescp: a sender whose certificate has expired is turned away")
{
    const Authority authority;
    authority.sign("server");
    authority.sign("client");
    authority.sign("old", "-1");
    Site site{with_tls(authority, "server")};
    site.start();

    CHECK(storescu(site, authority, as_client(authority, "old")) != 0);
    CHECK_FALSE(fs::exists(site.archived({})));
    CHECK(eventually([&] { return refused_handshakes(site) == 1; }));
    CHECK(storescu(site, authority, as_client(authority, "client")) == 0);
}

TEST_CASE("fiona-storescp: nobody renegotiates, and who tries disturbs nobody else")
{
    const Authority authority;
    authority.sign("server");
    authority.sign("client");
    Site site{with_tls(authority, "server")};
    site.start();

    // s_client begins a new handshake at a line that is `R`.
    const auto tried =
        run({.arguments = {"openssl", "s_client", "-tls1_2", "-connect",
                           "127.0.0.1:" + std::to_string(tls_port(site)), "-cert",
                           authority.certificate("client"), "-key", authority.key("client")},
             .deadline = std::chrono::seconds{15},
             .input = "R\nR\nR\n"});

    CHECK_THAT(tried.out + tried.err, Contains("RENEGOTIATING"));
    CHECK_THAT(tried.out + tried.err, Contains("no renegotiation") || Contains("unexpected eof")
                                          || Contains("handshake failure"));
    CHECK(storescu(site, authority, as_client(authority, "client")) == 0);
    CHECK_THAT(site.log(), !Contains("association_crashed"));
}

TEST_CASE("fiona-storescp: plain text and silence on the TLS port delay nobody")
{
    const Authority authority;
    authority.sign("server");
    authority.sign("client");
    Site site{with_tls(authority, "server")};
    site.start();
    const raw::Connection silent{tls_port(site)};
    const raw::Connection plain{tls_port(site)};
    plain.send(raw::request("SCANNER", "FIONA", {}));

    const auto start = std::chrono::steady_clock::now();
    CHECK(storescu(site, authority, as_client(authority, "client")) == 0);
    CHECK(raw::Association{site.port}.echo() == 0x0000);
    CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds{4});

    CHECK(plain.read().type != 2);
    CHECK(silent.read().type == 0); // closed when its time is over
    CHECK(eventually([&] { return site.status().find("associations")->array().empty(); }));
    CHECK(refused_handshakes(site) == 1); // the silent one never got as far as that
    CHECK_THAT(site.log(), !Contains("association_crashed"));
}

TEST_CASE("fiona-storescp: silent connections to the TLS port take no association's place")
{
    const Authority authority;
    authority.sign("server");
    authority.sign("client");
    auto settings = with_tls(authority, "server");
    settings["acse_timeout"] = 10;
    settings["max_associations"] = 2;
    Site site{settings};
    site.start();
    std::vector<raw::Connection> silent;
    for (int i = 0; i < 200; ++i) {
        silent.emplace_back(tls_port(site));
        silent.back().send(i % 2 == 0 ? "" : std::string{"\x16\x03\x01\x02\x00\x01", 6});
    }

    const auto start = std::chrono::steady_clock::now();
    CHECK(raw::Association{site.port}.echo() == 0x0000);
    CHECK(storescu(site, authority, as_client(authority, "client")) == 0);
    CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds{10});
}

TEST_CASE("fiona-storescp: a full house says so over TLS, too, and nothing is stored")
{
    const Authority authority;
    authority.sign("server");
    authority.sign("client");
    auto settings = with_tls(authority, "server");
    settings["max_associations"] = 1;
    Site site{settings};
    site.start();
    std::optional<raw::Association> guest{site.port};
    REQUIRE(guest->is_accepted());

    const auto refused = storescu_run(site, authority, as_client(authority, "client"));

    CHECK(refused.exit_code != 0);
    CHECK_THAT(refused.out + refused.err, Contains("Local Limit Exceeded"));
    CHECK_FALSE(fs::exists(site.archived({})));
    CHECK(eventually([&] {
        return site.status().find("refused_associations")->find("too_many")->integer() == 1;
    }));
    CHECK(guest->release());
    guest.reset();
    CHECK(
        eventually([&] { return storescu(site, authority, as_client(authority, "client")) == 0; }));
}

TEST_CASE("fiona-storescp: a key that does not fit is a configuration error before anything starts")
{
    const Authority authority;
    authority.sign("server");
    authority.sign("other");
    auto settings = with_tls(authority, "server");
    auto& tls = settings["tls"].object();
    SECTION("of another certificate")
    {
        tls["private_key"] = authority.key("other");
    }
    SECTION("open to others")
    {
        REQUIRE(::chmod(authority.key("server").c_str(), 0644) == 0);
    }
    SECTION("missing certificate")
    {
        tls["certificate"] = (authority.root / "none.crt").native();
    }
    SECTION("no PEM")
    {
        std::ofstream{authority.certificate("server")} << "no certificate";
    }
    SECTION("an authority that is none")
    {
        std::ofstream{authority.certificate("ca")} << "no certificate";
    }
    const Site site{settings};

    const auto run = site.tool({"--port", "0", "run"});

    CHECK(run.exit_code == EX_CONFIG);
    CHECK_THAT(run.err, Contains("RECEIVER.tls") || Contains(authority.key("server")));
    const auto check =
        run_tool("fiona-config", {"--config", (site.root / "config.json").native(), "check"});
    CHECK(check.exit_code != EX_OK);
    CHECK_THAT(check.out, Contains("FAIL  TLS certificate and key"));
}

TEST_CASE("fiona-storescp: SIGHUP takes a renewed certificate, and keeps the old one if it is bad")
{
    const Authority authority;
    authority.sign("server");
    authority.sign("client");
    authority.sign("renewed");
    Site site{with_tls(authority, "server")};
    site.start();

    site.m_config["RECEIVER"].object()["tls"].object()["private_key"] = authority.key("renewed");
    site.save();
    ::kill(site.pid(), SIGHUP);
    REQUIRE(eventually([&] { return site.log().find("configuration_kept") != std::string::npos; }));
    CHECK(storescu(site, authority, as_client(authority, "client")) == 0);

    site.m_config["RECEIVER"].object()["tls"].object()["certificate"] =
        authority.certificate("renewed");
    site.save();
    ::kill(site.pid(), SIGHUP);
    REQUIRE(eventually([&] { return site.log().find("configuration_read") != std::string::npos; }));
    const auto shown = run({{"openssl", "s_client", "-showcerts", "-connect",
                             "127.0.0.1:" + std::to_string(tls_port(site)), "-cert",
                             authority.certificate("client"), "-key", authority.key("client")}});
    std::ifstream in{authority.certificate("renewed")};
    const std::string expected{std::istreambuf_iterator<char>{in}, {}};
    CHECK_THAT(shown.out, Contains(expected.substr(0, 300)));
}
