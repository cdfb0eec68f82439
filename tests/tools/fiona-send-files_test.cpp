// SPDX-License-Identifier: MIT
#include "libfiona/base/files.h"
#include "libfiona/base/json.h"
#include "libfiona/base/md5.h"
#include "libfiona/base/process.h"
#include "libfiona/store/atomic_file.h"
#include "tests/support/run_tool.h"
#include "tests/support/sftp_server.h"
#include "tests/support/site.h"
#include "tests/support/skip.h"

#include <catch2/catch.hpp>

#include <sys/mount.h>
#include <sysexits.h>

#include <random>
#include <set>

using namespace fiona;
using Catch::Matchers::Contains;
namespace fs = std::filesystem;

namespace {

std::string md5(std::string_view text)
{
    Md5 digest;
    digest.add(text);
    return digest.finish();
}

/// A site with an outbox, and a partner's server.
struct Bench {
    TempDir root{};
    SftpServer server{};
    fs::path outbox = root / "data/outbox";
    fs::path done = root / "data/DAIC";

    explicit Bench(const std::string& verify = "server-md5")
    {
        fs::create_directories(outbox);
        const auto config = server.config();
        store::write_file(
            root / "config.json",
            json::write(json::Object{
                {"ROOT", root.path.native()},
                {"SERVERUSER", config.user},
                {"DAICSERVER", config.host},
                {"DAICPORT", config.port},
                {"DAICVERIFY", verify},
                {"SFTP", json::Object{{"key_file", config.key_file.native()},
                                      {"known_hosts", config.known_hosts.native()}}}}));
    }

    void put_file(const std::string& name, const std::string& content,
                  std::chrono::seconds age = std::chrono::hours{2}) const
    {
        store::write_file(outbox / name, content);
        fs::last_write_time(outbox / name, fs::file_time_type::clock::now() - age);
    }
    void put_item(const std::string& base, const std::string& content) const
    {
        put_file(base + ".tgz", content);
        put_file(base + ".json", "{\"of\":\"" + base + "\"}");
        put_file(base + ".md5sum", md5(content) + " *" + base + ".tgz\n");
    }
    /// What the server makes of its uploads now and then.
    void let_server_confirm() const
    {
        const auto list = root / "list";
        fs::create_directories(list);
        for (const auto& entry : fs::directory_iterator{server.outbox()}) {
            if (entry.path().extension() == ".tgz") {
                store::write_file(list / entry.path().stem().concat(".md5sum_server"),
                                  md5(read_file(entry.path())) + " *x\n");
            }
        }
        const auto tar = (server.outbox() / "md5server_cache.tar").native();
        REQUIRE(run({{"tar", "-C", list.native(), "-cf", tar, "."}}).exit_code == 0);
    }
    [[nodiscard]] std::vector<std::string> arguments(std::vector<std::string> more) const
    {
        more.insert(more.end(), {"--config", (root / "config.json").native()});
        return more;
    }
    // NOLINTNEXTLINE(modernize-use-nodiscard) some calls are made for their effect
    Outcome tool(const std::vector<std::string>& more = {}) const
    {
        return run_tool("fiona-send-files", arguments(more));
    }
    [[nodiscard]] std::set<std::string> names(const fs::path& directory) const
    {
        std::set<std::string> found;
        std::error_code absent;
        for (const auto& entry : fs::directory_iterator{directory, absent}) {
            const auto name = entry.path().filename().native();
            if (!name.starts_with('.') && name != "corrupt") {
                found.insert(name);
            }
        }
        return found;
    }
};

using Names = std::set<std::string>;
const std::string base = "DEMO_0001_baseline_1_1.2.3_1.2.3.1";

std::string much()
{
    std::string content;
    std::mt19937_64 source{7}; // NOLINT(cert-msc51-cpp) the same bytes each time
    while (content.size() < 3'000'000) {
        content += std::to_string(source());
    }
    return content;
}

} // namespace

TEST_CASE("fiona-send-files: an item is sent, confirmed by the server's list, and done, then there "
          "is nothing to do")
{
    if (!SftpServer::is_here()) {
        return;
    }
    const Bench bench;
    bench.put_item(base, "data");
    bench.put_item(base + "0", "other data"); // its name begins with the same letters

    const auto first = bench.tool();
    CHECK(first.exit_code == EX_OK);
    CHECK_THAT(first.out, Contains("sent 2"));
    CHECK(read_file(bench.server.outbox() / (base + ".tgz")) == "data");
    CHECK(fs::exists(bench.server.outbox() / (base + ".json")));
    CHECK(bench.names(bench.server.outbox()).size() == 6);

    const auto second = bench.tool();
    CHECK_THAT(second.out, Contains("sent 0, waiting 2") && Contains("bytes 0"));

    fs::remove(bench.server.outbox() / (base + "0.tgz")); // confirmed is the first only
    bench.let_server_confirm();
    const auto third = bench.tool();
    CHECK_THAT(third.out, Contains("confirmed 1"));
    CHECK(bench.names(bench.done) == Names{base + ".tgz", base + ".json", base + ".md5sum"});
    CHECK(bench.names(bench.outbox) == Names{base + "0.tgz", base + "0.json", base + "0.md5sum"});

    bench.let_server_confirm();
    CHECK_THAT(bench.tool().out, Contains("confirmed 1"));
    const auto last = bench.tool({"--json"});
    CHECK(last.exit_code == EX_OK);
    CHECK(json::parse(last.out, "out").find("items")->array().empty());
    CHECK(bench.names(bench.outbox).empty());
}

TEST_CASE("fiona-send-files: a server that makes no lists confirms by reading back or by size")
{
    if (!SftpServer::is_here()) {
        return;
    }
    const auto verify = GENERATE(std::string{"readback"}, "size");
    const Bench bench{verify};
    bench.put_item(base, much());

    const auto run = bench.tool();

    CHECK(run.exit_code == EX_OK);
    CHECK_THAT(run.out, Contains("confirmed 1, sent 0"));
    CHECK(bench.names(bench.outbox).empty());
    CHECK(bench.names(bench.done).size() == 3);
}

TEST_CASE("fiona-send-files: a dry run says what would be sent, and touches nothing here or there")
{
    if (!SftpServer::is_here()) {
        return;
    }
    Bench bench;
    bench.put_item(base, "data");
    bench.put_file("bad.tgz", "x");
    bench.put_file("bad.md5sum", std::string(32, '0'));
    const auto before = bench.names(bench.outbox);
    bench.server.stop();

    const auto run = bench.tool({"-n"});

    CHECK_THAT(run.out, Contains("would send") && Contains("corrupt 1"));
    CHECK(bench.names(bench.outbox) == before);
    CHECK_FALSE(fs::exists(bench.outbox / ".state.json"));
    CHECK_FALSE(fs::exists(bench.outbox / "corrupt"));
}

TEST_CASE("fiona-send-files: items that can never be sent are set aside with the reason, the good "
          "ones go")
{
    if (!SftpServer::is_here()) {
        return;
    }
    const Bench bench;
    bench.put_item(base, "data");
    bench.put_item("bad", "data");
    bench.put_file("bad.tgz", "other data");
    bench.put_file("odd; touch $(owned) 'x'.tgz", "x");
    bench.put_file("%2f.json", "x");
    fs::create_symlink("/etc/passwd", bench.outbox / "link.tgz");
    bench.put_file("fresh.tgz", "x", std::chrono::seconds{0});
    bench.put_file("no_digest.tgz", "made an hour ago");
    bench.put_file("alone.md5sum", md5("x"));
    bench.put_file("someone's.txt", "else's");

    const auto run = bench.tool();

    CHECK(run.exit_code == EX_DATAERR);
    CHECK_THAT(run.out, Contains("sent 2, waiting 2, corrupt 4"));
    CHECK(fs::exists(bench.server.outbox() / (base + ".md5sum")));
    CHECK_THAT(read_file(bench.server.outbox() / "no_digest.md5sum"),
               Contains(md5("made an hour ago")));
    CHECK(read_file(bench.outbox / "corrupt/bad.tgz") == "other data");
    CHECK(fs::is_symlink(bench.outbox / "corrupt/link.tgz"));
    CHECK(bench.names(bench.server.outbox()).size() == 5);
    CHECK(bench.names(bench.outbox).contains("someone's.txt"));
    CHECK(bench.tool().exit_code == EX_OK); // nothing new is wrong
}

TEST_CASE("fiona-send-files: a wrong command line is exit 64, no outbox exit 66, no server in the "
          "configuration exit 78")
{
    const TempDir root;
    store::write_file(root / "config.json",
                      json::write(json::Object{{"ROOT", root.path.native()}}));
    const auto run = [&](std::vector<std::string> words) {
        words.insert(words.end(), {"--config", (root / "config.json").native()});
        return run_tool("fiona-send-files", words).exit_code;
    };

    CHECK(run({"--max-time-s", "0"}) == EX_USAGE);
    CHECK(run({"everything"}) == EX_USAGE);
    CHECK(run({"--outbox", "/no/such/place"}) == EX_NOINPUT);
    const auto outbox = root / "outbox";
    fs::create_directories(outbox);
    CHECK(run({"--outbox", outbox.native()}) == EX_OK); // nothing to send: nobody is asked
    store::write_file(outbox / "a.tgz", "x");
    store::write_file(outbox / "a.md5sum", md5("x"));
    for (const auto* const name : {"a.tgz", "a.md5sum"}) {
        fs::last_write_time(outbox / name,
                            fs::file_time_type::clock::now() - std::chrono::hours{1});
    }
    CHECK(run({"--outbox", outbox.native()}) == EX_CONFIG);
}

TEST_CASE("fiona-send-files: another server behind the address gets nothing")
{
    if (!SftpServer::is_here()) {
        return;
    }
    Bench bench;
    bench.put_item(base, "data");
    bench.server.change_host_key();

    const auto run = bench.tool();

    CHECK(run.exit_code == EX_CONFIG);
    CHECK_THAT(run.err, Contains("known hosts"));
    CHECK(bench.names(bench.server.outbox()).empty());
    CHECK(bench.names(bench.outbox).size() == 3);
}

TEST_CASE("fiona-send-files: a connection that breaks is taken up where it broke")
{
    if (!SftpServer::is_here()) {
        return;
    }
    Bench bench;
    const auto content = much();
    bench.put_item(base, content);
    const auto part = bench.server.outbox() / (base + ".tgz.part");
    const auto has_begun = [&] {
        std::error_code absent;
        return fs::file_size(part, absent) > 200'000 && !absent;
    };

    ChildProcess slow{{built_program("fiona-send-files"), "--limit-rate", "400000", "--config",
                       (bench.root / "config.json").native()},
                      bench.root / "slow"};
    REQUIRE(wait_until(has_begun));
    bench.server.stop();
    const auto end = slow.wait(std::chrono::seconds{60});
    CAPTURE(slow.err());
    CHECK((end == EX_TEMPFAIL || end == EX_UNAVAILABLE));
    const auto there = fs::file_size(part);
    bench.server.start();

    CHECK_THAT(bench.tool().out, Contains("waits")); // it rests
    const auto run = bench.tool({"--now", "--json"});

    CHECK(run.exit_code == EX_OK);
    CHECK(json::parse(run.out, "out").find("bytes_sent")->integer()
          == static_cast<std::int64_t>(content.size() - there));
    CHECK((read_file(bench.server.outbox() / (base + ".tgz")) == content));
    CHECK_FALSE(fs::exists(part));
}

TEST_CASE("fiona-send-files: the end of the time leaves the rest to the next run")
{
    if (!SftpServer::is_here()) {
        return;
    }
    const Bench bench;
    const auto content = much();
    bench.put_item(base, content);

    const auto run = bench.tool({"--limit-rate", "500000", "--max-time-s", "2"});

    CHECK(run.exit_code == EX_TEMPFAIL);
    CHECK_FALSE(fs::exists(bench.server.outbox() / (base + ".tgz")));
    CHECK(bench.tool().exit_code == EX_OK); // it does not rest: nothing had failed
    CHECK((read_file(bench.server.outbox() / (base + ".tgz")) == content));
}

TEST_CASE("fiona-send-files: what the server says it has otherwise is sent again")
{
    if (!SftpServer::is_here()) {
        return;
    }
    const Bench bench;
    bench.put_item(base, "data");
    REQUIRE(bench.tool().exit_code == EX_OK);
    store::write_file(bench.server.outbox() / (base + ".tgz"), "dada");
    bench.let_server_confirm();

    CHECK_THAT(bench.tool().out, Contains("sent 1"));

    CHECK(read_file(bench.server.outbox() / (base + ".tgz")) == "data");
    bench.let_server_confirm();
    CHECK_THAT(bench.tool().out, Contains("confirmed 1"));
    store::write_file(bench.server.outbox() / "md5server_cache.tar", "<html>");
    bench.put_item(base + "0", "more");
    CHECK(bench.tool().exit_code == EX_PROTOCOL);
}

TEST_CASE(
    "fiona-send-files: a server that lets nobody rename has only a part, and gets the name later")
{
    if (!SftpServer::is_here()) {
        return;
    }
    Bench bench;
    bench.put_item(base, "data");
    bench.server.refuse("rename,posix-rename,hardlink");

    const auto refused = bench.tool();

    CAPTURE(refused.err);
    CHECK(refused.exit_code != EX_OK);
    CHECK_FALSE(fs::exists(bench.server.outbox() / (base + ".tgz")));
    CHECK(bench.names(bench.outbox).size() == 3); // nothing counts as sent
    CHECK(bench.names(bench.done).empty());

    bench.server.refuse("");
    CHECK(bench.tool({"--now"}).exit_code == EX_OK);
    CHECK(read_file(bench.server.outbox() / (base + ".tgz")) == "data");
}

TEST_CASE("fiona-send-files: a full disk on the other side loses nothing, and is told")
{
    if (!SftpServer::is_here()) {
        return;
    }
    const Bench bench;
    bench.put_item(base, much());
    const auto directory = bench.server.outbox();
    if (::mount("tmpfs", directory.c_str(), "tmpfs", 0, "size=1m") != 0) {
        skip("no right to mount a small file system");
        return;
    }

    const auto full = bench.tool();
    const auto names = bench.names(directory);
    const bool is_enlarged =
        ::mount("tmpfs", directory.c_str(), "tmpfs", MS_REMOUNT, "size=16m") == 0;
    const auto run = bench.tool({"--now"});
    const auto sent = read_file_if_any(directory / (base + ".tgz"));
    ::umount(directory.c_str());

    CHECK(is_enlarged);
    CHECK((full.exit_code == EX_TEMPFAIL || full.exit_code == EX_UNAVAILABLE));
    CHECK(names == Names{base + ".tgz.part"});
    CHECK(run.exit_code == EX_OK);
    CHECK((sent == much())); // not shown: megabytes
}

TEST_CASE("fiona-send-files: killed at any moment, every file is in the outbox or done, and the "
          "server's is whole")
{
    if (!SftpServer::is_here()) {
        return;
    }
    const Bench bench{"readback"};
    std::mt19937 chance{20260305}; // NOLINT(cert-msc51-cpp) the same moments each time
    std::uniform_int_distribution<int> milliseconds{0, 250};
    constexpr int rounds = 100;
    const auto name = [](int round) { return fmt::format("DEMO_{:04}_x", round); };

    for (int round = 0; round < rounds; ++round) {
        bench.put_item(name(round), much().substr(static_cast<std::size_t>(round)));
        const auto moment =
            std::chrono::steady_clock::now() + std::chrono::milliseconds{milliseconds(chance)};
        run_tool_and_kill("fiona-send-files", bench.arguments({"--now"}), {},
                          [&] { return std::chrono::steady_clock::now() > moment; });
    }
    const auto last = bench.tool({"--now"});

    CHECK(last.exit_code == EX_OK);
    CHECK(bench.names(bench.outbox).empty());
    CHECK(bench.names(bench.done).size() == std::size_t{3} * rounds);
    for (int round = 0; round < rounds; ++round) {
        const auto content = much().substr(static_cast<std::size_t>(round));
        CAPTURE(round);
        CHECK((read_file(bench.done / (name(round) + ".tgz")) == content));
        CHECK((read_file(bench.server.outbox() / (name(round) + ".tgz")) == content));
    }
}
