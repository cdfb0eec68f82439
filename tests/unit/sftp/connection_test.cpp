// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/sftp/connection.h"
#include "libfiona/store/atomic_file.h"
#include "tests/support/sftp_server.h"

#include <catch2/catch.hpp>

#include <fcntl.h>

using namespace fiona;
using Catch::Matchers::Contains;
using std::chrono::steady_clock;
namespace fs = std::filesystem;

namespace {

sftp::Connection connect(const SftpConfig& config,
                         std::chrono::milliseconds time = std::chrono::seconds{30})
{
    return sftp::Connection{config, steady_clock::now() + time};
}

Fault refusal(const SftpConfig& config)
{
    try {
        connect(config).check("fiona/outbox");
    } catch (const Error& e) {
        return e.fault();
    }
    return Fault::internal;
}

const TimePoint some_time = Clock::from_time_t(1'741'168'800);

} // namespace

TEST_CASE("a file is written, resumed where it ended, and given its name in place of another")
{
    if (!SftpServer::is_here()) {
        return;
    }
    const SftpServer server;
    const TempDir root;
    std::string content;
    for (int i = 0; i < 300'000; ++i) {
        content += static_cast<char>(i * 31 % 251);
    }
    store::write_file(root / "data", content);
    const UniqueFd fd{::open((root / "data").c_str(), O_RDONLY | O_CLOEXEC)};
    auto connection = connect(server.config());

    CHECK_FALSE(connection.size("fiona/outbox/a.part"));
    store::write_file(server.outbox() / "a.part", content.substr(0, 100'001));
    CHECK(connection.size("fiona/outbox/a.part") == 100'001U);
    connection.write("fiona/outbox/a.part", {fd.get(), content.size(), 100'001, some_time});
    CHECK((read_file(server.outbox() / "a.part") == content));
    connection.write("fiona/outbox/a.part", {fd.get(), content.size(), content.size(), some_time});
    fs::create_symlink("/nonexistent/place", server.outbox() / "a b\"c");
    connection.rename("fiona/outbox/a.part", "fiona/outbox/a b\"c");

    CHECK((read_file(server.outbox() / "a b\"c") == content));
    CHECK_FALSE(fs::exists(server.outbox() / "a.part"));
    CHECK(fs::is_regular_file(fs::symlink_status(server.outbox() / "a b\"c")));
    struct stat status {};
    ::stat((server.outbox() / "a b\"c").c_str(), &status);
    CHECK(status.st_mtim.tv_sec == Clock::to_time_t(some_time));
    CHECK((connection.read("fiona/outbox/a b\"c", content.size()) == content));
    CHECK_THROWS_AS(connection.read("fiona/outbox/a b\"c", content.size() - 1), Error);
    CHECK_FALSE(connection.read("fiona/outbox/none", 10));
}

TEST_CASE("only the server we know, with our key, gets anything")
{
    if (!SftpServer::is_here()) {
        return;
    }
    SftpServer server;
    const TempDir root;
    REQUIRE(refusal(server.config()) == Fault::internal); // none

    auto config = server.config();
    config.known_hosts = root / "none";
    CHECK(refusal(config) == Fault::config);
    store::write_file(config.known_hosts, "\n");
    CHECK(refusal(config) == Fault::config);
    store::write_file(config.known_hosts, "[127.0.0.2]:22 ssh-ed25519 AAAA\n");
    CHECK(refusal(config) == Fault::config);

    config = server.config();
    config.key_file = root / "key";
    CHECK(refusal(config) == Fault::config);
    fs::copy_file(server.config().key_file, config.key_file);
    fs::permissions(config.key_file, fs::perms{0644});
    CHECK(refusal(config) == Fault::config);

    config = server.config();
    config.user = "nobody-of-that-name";
    CHECK(refusal(config) == Fault::permission);
    config.host.clear();
    CHECK(refusal(config) == Fault::config);

    config = server.config();
    CHECK_THROWS_WITH(connect(config).check("no/such/place"),
                      Contains("no directory no/such/place"));
    server.change_host_key();
    CHECK(refusal(config) == Fault::config);
    server.stop();
    CHECK(refusal(config) == Fault::unreachable);
    CHECK_THROWS_WITH(connect(config, std::chrono::milliseconds{0}).check("fiona"),
                      Contains("the time of this run is over"));
}
