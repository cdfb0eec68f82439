// SPDX-License-Identifier: MIT
#include "libfiona/base/file_lock.h"
#include "libfiona/base/files.h"
#include "libfiona/ingest/file_daemon.h"
#include "libfiona/pacs/receiver.h"
#include "libfiona/site/layout.h"
#include "libfiona/store/atomic_file.h"
#include "tests/support/raw_association.h"
#include "tests/support/refused_command.h"
#include "tests/support/run_tool.h"
#include "tests/support/site.h"
#include "tests/support/temp_dir.h"

#include <catch2/catch.hpp>

#include <sysexits.h>
#include <unistd.h>

#include <csignal>

using namespace fiona;
using Catch::Matchers::Contains;
namespace fs = std::filesystem;

namespace {

/// A site on a free port; its daemons are stopped with it.
class Watched {
public:
    explicit Watched(json::Object receiver = {})
    {
        receiver.insert({{"bind", "127.0.0.1"}, {"stop_grace", 1}});
        for (const auto* const key :
             {"soft_free_share", "soft_free_bytes", "hard_free_share", "hard_free_bytes"}) {
            receiver.emplace(key, 0); // the disk of the test machine must not decide
        }
        store::write_file(file, json::write(json::Object{{"ROOT", root.path.native()},
                                                         {"DICOMPORT", port},
                                                         {"RECEIVER", receiver}}));
        config = Config::load(file);
        for (const auto& directory : site::directories(config.paths)) {
            fs::create_directories(directory.path);
        }
    }
    Watched(const Watched&) = delete;
    Watched& operator=(const Watched&) = delete;
    ~Watched()
    {
        for (const auto* const tool : {"fiona-storescp", "fiona-process-file"}) {
            run_tool(tool, {"--config", file, "stop"});
        }
    }

    // NOLINTNEXTLINE(modernize-use-nodiscard) some calls are made for their effect
    Outcome tool(std::vector<std::string> arguments = {}) const
    {
        arguments.insert(arguments.begin(), {"--config", file, "--timeout", "1"});
        return run_tool("fiona-heartbeat", arguments);
    }
    [[nodiscard]] pid_t receiver() const
    {
        return store::running_daemon(pacs::ReceiverFiles::of(config).pid_file).value_or(0);
    }
    [[nodiscard]] pid_t processor() const
    {
        return store::running_daemon(ingest::pid_file(config)).value_or(0);
    }
    [[nodiscard]] bool echoes() const { return raw::Association{port}.echo() == 0x0000; }
    [[nodiscard]] json::Value status() const
    {
        return json::parse(read_file(config.paths.status() / "heartbeat.json"), "status");
    }

    TempDir root;
    fs::path file = root / "config.json";
    std::uint16_t port = free_port();
    Config config;
};

} // namespace

TEST_CASE("fiona-heartbeat: what does not run is started, and a second run finds all well")
{
    const Watched site;

    const auto first = site.tool();
    const auto receiver = site.receiver();
    const auto processor = site.processor();
    const auto second = site.tool({"--json"});

    CAPTURE(first.err, second.err);
    CHECK(first.exit_code == 1);
    CHECK_THAT(first.out,
               Contains("restarted\ndone: start the receiver\ndone: start the processor"));
    CHECK(receiver != 0);
    CHECK(processor != 0);
    CHECK(site.echoes());
    CHECK(second.exit_code == 0);
    CHECK(site.receiver() == receiver);
    CHECK(site.processor() == processor);
    CHECK(json::parse(second.out, "out") == site.status());
    CHECK(site.status().text("state") == "ok");
    CHECK(site.status().find("receiver")->text("answer") == "echo");
    CHECK(site.status().find("receiver")->text("port") == std::to_string(site.port));
}

TEST_CASE("fiona-heartbeat: a receiver that does not answer is replaced on the port it had")
{
    const Watched site;
    REQUIRE(run_tool("fiona-storescp", {"--config", site.file, "--port", "0", "start"}).exit_code
            == EX_OK);
    REQUIRE(run_tool("fiona-process-file", {"--config", site.file, "start"}).exit_code == EX_OK);
    const auto port = pacs::receiver_state(site.config).text("port");
    const auto hung = site.receiver();
    ::kill(hung, SIGSTOP);

    const auto dry = site.tool({"-n"});
    CHECK(dry.exit_code == 3);
    CHECK_THAT(dry.out, Contains("would: stop and start the receiver"));
    CHECK(site.receiver() == hung);

    const auto run = site.tool();

    CAPTURE(run.out, run.err);
    CHECK(run.exit_code == 1);
    CHECK(site.receiver() != 0);
    CHECK(site.receiver() != hung);
    CHECK(pacs::receiver_state(site.config).text("port") == port);
    CHECK(site.tool().exit_code == 0);
}

TEST_CASE("fiona-heartbeat: a dry run starts nothing and writes nothing")
{
    const Watched site;

    const auto run = site.tool({"--dry-run"});

    CHECK(run.exit_code == 3);
    CHECK_THAT(run.out, Contains("would: start the receiver"));
    CHECK(site.receiver() == 0);
    CHECK(site.processor() == 0);
    CHECK(fs::is_empty(site.config.paths.status()));
    CHECK(fs::is_empty(site.config.paths.pids()));
}

TEST_CASE("fiona-heartbeat: while reception is switched off nothing is started, exit 0 and a line")
{
    const Watched site;
    store::write_file(site.config.paths.config() / "enabled", "0");

    const auto run = site.tool();

    CHECK(run.exit_code == 0);
    CHECK_THAT(run.out, Contains("disabled"));
    CHECK(site.receiver() == 0);
    CHECK(site.processor() == 0);
    CHECK(site.status().text("state") == "disabled");
}

TEST_CASE("fiona-heartbeat: one bad image among good daemons is degraded, and nothing is restarted")
{
    const Watched site;
    REQUIRE(site.tool().exit_code == 1);
    const auto receiver = site.receiver();
    fs::create_directories(site.config.paths.spool() / "failed");
    store::write_file(site.config.paths.spool() / "failed" / "1.json", "{}");

    const auto run = site.tool();

    CHECK(run.exit_code == 2);
    CHECK_THAT(run.out, Contains("1 images could not be sorted"));
    CHECK(site.receiver() == receiver);
}

TEST_CASE("fiona-heartbeat: a receiver that refuses is alive, one that does not know us is well")
{
    const Watched full{{{"hard_free_bytes", std::int64_t{1} << 50U}}};
    full.tool();
    const auto receiver = full.receiver();
    const auto run = full.tool();
    CHECK(run.exit_code == 2);
    CHECK_THAT(run.out, Contains("turns senders away"));
    CHECK(full.receiver() == receiver);

    const Watched strict{{{"allowed_callers", json::Array{json::Value{"SCANNER"}}}}};
    CHECK(strict.tool().exit_code == 1);
    CHECK(strict.tool().exit_code == 0);
    CHECK(strict.status().find("receiver")->text("answer") == "refused");
}

TEST_CASE("fiona-heartbeat: a port that another program has makes the site down, not the program")
{
    const Watched site;
    const Watched other;
    REQUIRE(run_tool("fiona-storescp",
                     {"--config", other.file, "--port", std::to_string(site.port), "start"})
                .exit_code
            == EX_OK);
    const auto stranger = other.receiver();

    const auto run = site.tool();

    CHECK(run.exit_code == 3);
    CHECK_THAT(run.out, Contains("in use"));
    CHECK(other.receiver() == stranger);
}

TEST_CASE("fiona-heartbeat: a wrong command line is exit 64, a second run at the same time 75")
{
    const auto* const timeout = GENERATE("0", "soon", "61");
    CHECK(answer_to_wrong_command("fiona-heartbeat", {"--timeout", timeout}) == "refused");
    CHECK(answer_to_wrong_command("fiona-heartbeat", {"now"}) == "refused");
    const Watched site;
    const FileLock lock{site.config.paths.pids() / "fiona-heartbeat.lock"};
    CHECK(site.tool().exit_code == EX_TEMPFAIL);
    CHECK(site.receiver() == 0);
}

TEST_CASE("fiona-heartbeat: killed between stop and start, the next run starts the receiver")
{
    const Watched site;
    REQUIRE(site.tool().exit_code == 1);
    const auto hung = site.receiver();
    ::kill(hung, SIGSTOP);

    run_tool_and_kill("fiona-heartbeat", {"--config", site.file, "--timeout", "1"}, {},
                      [&] { return ::kill(hung, 0) != 0 || site.receiver() != hung; });

    const auto run = site.tool();
    CAPTURE(run.out, run.err);
    CHECK(run.exit_code <= 1); // 0: it had been started already
    CHECK(site.receiver() != 0);
    CHECK(site.echoes());
    CHECK(site.tool().exit_code == 0);
}

TEST_CASE(
    "fiona-heartbeat: a supervised receiver that does not answer is ended, and the new one found")
{
    const Watched site;
    REQUIRE(run_tool("fiona-storescp", {"--config", site.file, "start"}).exit_code == EX_OK);
    REQUIRE(run_tool("fiona-process-file", {"--config", site.file, "start"}).exit_code == EX_OK);
    const auto hung = site.receiver();
    ::kill(hung, SIGSTOP);
    Background heartbeat{"fiona-heartbeat",
                         {"--config", site.file, "--timeout", "1", "--supervised"},
                         site.root / "log"};

    REQUIRE(wait_until([&] { return site.receiver() == 0; }));
    REQUIRE(run_tool("fiona-storescp", {"--config", site.file, "start"}).exit_code == EX_OK);
    CHECK(wait_until([&] { return !heartbeat.runs(); }));

    CHECK(site.status().text("state") == "restarted");
    CHECK(site.receiver() != 0);
}
