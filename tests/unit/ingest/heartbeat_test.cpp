// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/base/file_lock.h"
#include "libfiona/base/files.h"
#include "libfiona/ingest/file_daemon.h"
#include "libfiona/ingest/heartbeat.h"
#include "libfiona/pacs/receiver.h"
#include "libfiona/store/arrival_marks.h"
#include "libfiona/store/atomic_file.h"
#include "tests/support/forked_child.h"
#include "tests/support/site.h"
#include "tests/support/temp_dir.h"

#include <catch2/catch.hpp>

#include <sys/wait.h>

using namespace fiona;
using Catch::Matchers::Contains;
using ingest::Health;
using ingest::Heartbeat;
namespace fs = std::filesystem;

namespace {

/// A site whose receiver and processor cannot be started: no such programs lie beside the test.
struct Bare {
    TempDir root;
    Config config;
    ingest::HeartbeatOptions options{.echo_timeout = std::chrono::seconds{1},
                                     .between_attempts = std::chrono::milliseconds{1}};

    Bare()
    {
        const auto file = root / "config.json";
        store::write_file(file, fmt::format(R"({{"ROOT": "{}", "DICOMPORT": {}}})",
                                            root.path.native(), free_port()));
        config = Config::load(file);
        for (const auto& directory :
             {config.paths.archive(), config.paths.spool() / "new", config.paths.spool() / "failed",
              config.paths.arrived() / ".failed", config.paths.arrived() / ".open",
              config.paths.config(), config.paths.server_pids()}) {
            fs::create_directories(directory);
        }
        // The disk of the test machine must not decide.
        config.receiver.soft_free_share = config.receiver.hard_free_share = 0;
        config.receiver.soft_free_bytes = config.receiver.hard_free_bytes = 0;
    }
    [[nodiscard]] Heartbeat look() const
    {
        return ingest::heartbeat(config, Clock::now(), options);
    }
    [[nodiscard]] std::string problems() const { return json::write(look().as_json()); }
};

} // namespace

TEST_CASE("a process that is no receiver is never killed, whatever the pid file says")
{
    const Bare site;
    const auto pid_file = pacs::ReceiverFiles::of(site.config).pid_file;
    ForkedChild stranger{[&] {
        const FileLock lock{pid_file};
        ::pause();
    }};
    REQUIRE(eventually([&] { return store::running_daemon(pid_file) == stranger.pid(); }));

    const auto found = site.look();

    CHECK(found.health == Health::down);
    CHECK(found.receiver_pid == stranger.pid());
    CHECK_THAT(json::write(found.as_json()), Contains("is no fiona-storescp"));
    CHECK(::waitpid(stranger.pid(), nullptr, WNOHANG) == 0); // it lives
}

TEST_CASE("a number in a pid file that nobody has locked is no receiver")
{
    const Bare site;
    const auto pid_file = pacs::ReceiverFiles::of(site.config).pid_file;
    ForkedChild stranger{[] { ::pause(); }};
    store::write_file(pid_file, std::to_string(stranger.pid()));
    auto dry = site.options;
    dry.mode = Mode::dry_run;

    const auto found = ingest::heartbeat(site.config, Clock::now(), dry);

    CHECK(found.receiver_pid == 0);
    CHECK(found.actions == std::vector<std::string>{"start the receiver", "start the processor"});
    CHECK(::waitpid(stranger.pid(), nullptr, WNOHANG) == 0);
}

TEST_CASE("while reception is switched off nothing is asked or started")
{
    const Bare site;
    store::write_file(site.config.paths.config() / "enabled", "0\n");

    const auto found = site.look();

    CHECK(found.health == Health::ok);
    CHECK(found.actions.empty());
    CHECK(found.as_json().text("state") == "disabled");
}

TEST_CASE(
    "what waits too long or was set aside is told, and a daemon that cannot start stops no check")
{
    const Bare site;
    const auto spool = site.config.paths.spool();
    const auto ns = [](std::chrono::seconds age) {
        return fmt::format(
            "{:019}.1.1.json",
            std::chrono::nanoseconds{(Clock::now() - age).time_since_epoch()}.count());
    };
    store::write_file(spool / "new" / ns(std::chrono::seconds{60}), "{}");
    CHECK_THAT(site.problems(), !Contains("wait to be sorted"));
    store::write_file(spool / "new" / ns(std::chrono::seconds{300}), "{}");
    store::write_file(spool / "failed" / "1.json", "{}");
    store::write_file(spool / "failed" / "1.json.err", "{}");
    store::write_file(site.config.paths.arrived() / ".failed" / "A B C scp_1.2", "");

    const auto found = site.look();

    CHECK(found.spool_waiting == 2);
    CHECK(found.spool_oldest >= std::chrono::seconds{300});
    CHECK(found.spool_failed == 1);
    CHECK(found.arrivals_failed == 1);
    CHECK(found.disk == "ok");
    CHECK(found.health == Health::down); // for the daemons
    CHECK_THAT(json::write(found.as_json()), Contains("2 images wait to be sorted")
                                                 && Contains("1 images could not be sorted")
                                                 && Contains("1 arrival marks were set aside"));
    const auto file = read_file(site.config.paths.status() / "heartbeat.json");
    CHECK(json::parse(file, "status") == found.as_json());
}

TEST_CASE("a disk without room is told")
{
    Bare site;
    site.config.receiver.hard_free_bytes = std::uint64_t{1} << 60U;
    CHECK(site.look().disk == "hard");
    CHECK_THAT(site.problems(), Contains("the disk of the archive has"));
}

TEST_CASE("a dry run of the heartbeat writes nothing")
{
    const Bare site;
    auto dry = site.options;
    dry.mode = Mode::dry_run;

    CHECK(ingest::heartbeat(site.config, Clock::now(), dry).health == Health::down);
    CHECK_FALSE(fs::exists(site.config.paths.status()));
    CHECK_FALSE(fs::exists(site.config.paths.server_logs()));
}

TEST_CASE("a study that nobody notices is told")
{
    const Bare site;
    const store::ArrivalMarks marks{site.config.paths.arrived()};
    marks.touch({"A", "B", "C", StudyUid{"1.2"}, {}});
    CHECK_THAT(site.problems(), !Contains("nobody noticed"));

    const auto later =
        ingest::heartbeat(site.config, Clock::now() + std::chrono::hours{2}, site.options);

    CHECK(later.arrivals_oldest >= std::chrono::hours{2});
    CHECK_THAT(json::write(later.as_json()), Contains("nobody noticed"));
}

TEST_CASE("what others start is not started, and told when it is down")
{
    const Bare site;
    auto options = site.options;
    options.starts = ingest::HeartbeatOptions::Starts::others;

    const auto found = ingest::heartbeat(site.config, Clock::now(), options);

    CHECK(found.health == Health::down);
    CHECK(found.actions.empty());
    CHECK(found.problems.size() == 2);
    CHECK_FALSE(fs::exists(site.config.paths.server_logs()));
}
