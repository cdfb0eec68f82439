// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/pacs/sender.h"
#include "tests/support/authority.h"
#include "tests/support/child_process.h"
#include "tests/support/pacs_server.h"
#include "tests/support/small_image.h"

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <functional>

using namespace fiona;
using Catch::Matchers::Contains;

namespace fs = std::filesystem;

namespace {

/// DCMTK's storescp over TLS; it wants a certificate of the authority.
class TlsPacs {
public:
    explicit TlsPacs(const Authority& authority) : port{unused_port()}
    {
        fs::create_directories(storage());
        m_process.emplace(
            std::vector<std::string>{"storescp", "-od", storage().native(), "+tls",
                                     authority.key("server"), authority.certificate("server"),
                                     "+cf", authority.certificate("ca"), std::to_string(port)},
            m_root / "process");
        wait_for_port(port);
    }

    [[nodiscard]] fs::path storage() const { return m_root / "storage"; }
    [[nodiscard]] std::size_t images() const
    {
        return static_cast<std::size_t>(
            std::distance(fs::directory_iterator{storage()}, fs::directory_iterator{}));
    }

    std::uint16_t port;

private:
    TempDir m_root;
    std::optional<ChildProcess> m_process;
};

pacs::Peer peer_of(std::uint16_t port, const Authority& trusted, const Authority& own)
{
    return {.host = "127.0.0.1",
            .port = port,
            .called_aet = "RESEARCH",
            .calling_aet = "FIONA",
            .timeout = std::chrono::seconds{5},
            .tls = TlsClientConfig{.ca_file = trusted.certificate("ca"),
                                   .certificate = own.certificate("client"),
                                   .private_key = own.key("client"),
                                   .server_name = ""}};
}

std::vector<fs::path> images(const TempDir& directory, int count)
{
    std::vector<fs::path> files;
    for (int i = 1; i <= count; ++i) {
        SmallImage image;
        image.sop += fmt::format("{}", i);
        files.push_back(directory.path / fmt::format("{}.dcm", i));
        write_image(image, files.back());
    }
    return files;
}

Error error_of(const std::function<void()>& step)
{
    try {
        step();
    } catch (const Error& e) {
        return e;
    }
    FAIL("no error");
    throw std::logic_error{"not reached"};
}

} // namespace

TEST_CASE("images go over TLS to a PACS that wants our certificate")
{
    const Authority authority;
    authority.sign("server");
    authority.sign("client");
    const TlsPacs server{authority};
    const TempDir directory;
    const auto peer = peer_of(server.port, authority, authority);

    pacs::echo(peer);
    const auto results = pacs::send_files(peer, images(directory, 5));

    REQUIRE(results.size() == 5);
    for (const auto& result : results) {
        CHECK(result.outcome == pacs::SendOutcome::stored);
    }
    CHECK(server.images() == 5);
}

TEST_CASE("a PACS that is not who it should be gets nothing, and the reason is said")
{
    const Authority authority;
    authority.sign("server");
    authority.sign("client");
    const TlsPacs server{authority};
    const TempDir directory;
    const auto files = images(directory, 1);
    auto peer = peer_of(server.port, authority, authority);

    SECTION("signed by somebody else")
    {
        const Authority stranger;
        peer = peer_of(server.port, stranger, authority);
        const auto error = error_of([&] { static_cast<void>(pacs::send_files(peer, files)); });
        CHECK(error.fault() == Fault::protocol);
        CHECK_THAT(error.what(), Contains("certificate is not trusted"));
    }
    SECTION("made out to another name")
    {
        peer.tls->server_name = "pacs.example.org";
        const auto error = error_of([&] { static_cast<void>(pacs::send_files(peer, files)); });
        CHECK(error.fault() == Fault::protocol);
        CHECK_THAT(error.what(), Contains("not trusted") && Contains("mismatch"));
    }
    SECTION("made out to another address")
    {
        peer.tls->server_name = "192.0.2.7";
        const auto error = error_of([&] { pacs::echo(peer); });
        CHECK(error.fault() == Fault::protocol);
        CHECK_THAT(error.what(), Contains("mismatch"));
    }
    CHECK(server.images() == 0);
}

TEST_CASE("a PACS whose certificate has expired, or that only speaks old TLS, gets nothing")
{
    const Authority authority;
    authority.sign("client");
    const TempDir directory;
    const auto files = images(directory, 1);
    const bool is_old = GENERATE(true, false);
    authority.sign("server", is_old ? "-1" : "365");
    const auto port = unused_port();
    std::vector<std::string> words{"openssl", "s_server",
                                   "-accept", "127.0.0.1:" + std::to_string(port),
                                   "-cert",   authority.certificate("server"),
                                   "-key",    authority.key("server"),
                                   "-quiet"};
    if (!is_old) {
        words.insert(words.end(), {"-tls1", "-cipher", "ALL:@SECLEVEL=0"});
    }
    const ChildProcess server{words, directory.path / "server"};
    wait_for_port(port);

    const auto error = error_of(
        [&] { static_cast<void>(pacs::send_files(peer_of(port, authority, authority), files)); });

    CAPTURE(error.what());
    CHECK(error.fault() == Fault::protocol);
    CHECK_THAT(error.what(), Contains(is_old ? "expired" : "TLS"));
}

TEST_CASE("a PACS that refuses our certificate, or the lack of one, is understood")
{
    const Authority authority;
    authority.sign("server");
    const Authority stranger;
    stranger.sign("client");
    const TlsPacs server{authority};
    auto peer = peer_of(server.port, authority, stranger);
    if (GENERATE(true, false)) {
        peer.tls->certificate.reset();
        peer.tls->private_key.reset();
    }

    const auto error = error_of([&] { pacs::echo(peer); });

    CHECK(error.fault() == Fault::protocol);
    CHECK_THAT(error.what(), Contains("certificate"));
}

TEST_CASE("a port without TLS is understood, and a closed one is unreachable")
{
    const Authority authority;
    authority.sign("client");
    const PacsServer plain;
    auto peer = peer_of(plain.port(), authority, authority);
    peer.timeout = std::chrono::seconds{2};

    const auto error = error_of([&] { pacs::echo(peer); });
    CHECK(error.fault() == Fault::protocol);
    CHECK_THAT(error.what(), Contains("TLS"));

    peer.port = unused_port();
    CHECK(error_of([&] { pacs::echo(peer); }).fault() == Fault::unreachable);
}

TEST_CASE("files of TLS that are missing, open to others or of another kind are a matter of config")
{
    const Authority authority;
    authority.sign("server");
    authority.sign("client");
    auto peer = peer_of(unused_port(), authority, authority);

    SECTION("no authority")
    {
        peer.tls->ca_file = authority.root / "none.crt";
    }
    SECTION("an authority that is none")
    {
        peer.tls->ca_file = authority.root / "text.crt";
        std::ofstream{peer.tls->ca_file} << "no certificate";
    }
    SECTION("a key that everybody may read")
    {
        ::chmod(authority.key("client").c_str(), 0644);
    }
    SECTION("the key of another certificate")
    {
        peer.tls->private_key = authority.key("server");
    }

    CHECK(error_of([&] { pacs::echo(peer); }).fault() == Fault::config);
}
