// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/base/file_lock.h"
#include "libfiona/base/files.h"
#include "libfiona/store/daemon.h"
#include "tests/support/forked_child.h"
#include "tests/support/temp_dir.h"

#include <catch2/catch.hpp>

#include <csignal>
#include <cstdlib>
#include <fstream>

using namespace fiona;
using namespace std::chrono_literals;
using namespace store;
using Catch::Matchers::Contains;

namespace {

/// This executable, running the hidden test case below.
std::vector<std::string> daemon_command()
{
    return {std::filesystem::read_symlink("/proc/self/exe"), "[.daemon]"};
}

class Site {
public:
    Site() { ::setenv("FIONA_TEST_PID_FILE", pid_file().c_str(), 1); }
    Site(const Site&) = delete;
    Site& operator=(const Site&) = delete;
    ~Site()
    {
        if (const auto pid = running_daemon(pid_file())) {
            ::kill(*pid, SIGKILL);
        }
        ::unsetenv("FIONA_TEST_IGNORES_SIGTERM");
    }
    [[nodiscard]] std::filesystem::path pid_file() const { return m_directory / "pids/daemon.pid"; }
    [[nodiscard]] std::filesystem::path log() const { return m_directory / "logs/daemon.log"; }
    StartResult start() const { return start_daemon(pid_file(), daemon_command(), log()); }

private:
    TempDir m_directory;
};

} // namespace

TEST_CASE("the daemon of the tests", "[.daemon]")
{
    const FileLock lock{::getenv("FIONA_TEST_PID_FILE")};
    std::signal(SIGTERM, ::getenv("FIONA_TEST_IGNORES_SIGTERM") != nullptr ? SIG_IGN : SIG_DFL);
    for (;;) {
        ::pause();
    }
}

TEST_CASE("a daemon is started once and stopped once")
{
    const Site site;
    CHECK_FALSE(running_daemon(site.pid_file()).has_value());

    CHECK(site.start() == StartResult::started);
    const auto pid = running_daemon(site.pid_file());
    REQUIRE(pid.has_value());
    CHECK(site.start() == StartResult::already_running);
    CHECK(running_daemon(site.pid_file()) == pid);

    CHECK(stop_daemon(site.pid_file(), 10s) == StopResult::stopped);
    CHECK_FALSE(running_daemon(site.pid_file()).has_value());
    CHECK(stop_daemon(site.pid_file(), 10s) == StopResult::was_not_running);
}

TEST_CASE("a daemon that died is started again")
{
    const Site site;
    site.start();
    const auto first = running_daemon(site.pid_file());
    REQUIRE(first.has_value());

    ::kill(*first, SIGKILL);

    REQUIRE(eventually([&] { return !FileLock::holder(site.pid_file()); }));
    CHECK(site.start() == StartResult::started);
    CHECK(running_daemon(site.pid_file()) != first);
    stop_daemon(site.pid_file(), 10s);
}

TEST_CASE("the number in a stale pid file is never signalled")
{
    const Site site;
    ForkedChild stranger{[] { ::pause(); }};
    make_directories(site.pid_file().parent_path());
    std::ofstream{site.pid_file()} << stranger.pid() << "\n";

    CHECK_FALSE(running_daemon(site.pid_file()).has_value());
    CHECK(stop_daemon(site.pid_file(), 10s) == StopResult::was_not_running);
    CHECK(::kill(stranger.pid(), 0) == 0);
}

TEST_CASE("a daemon that ignores SIGTERM is killed after its grace")
{
    const Site site;
    ::setenv("FIONA_TEST_IGNORES_SIGTERM", "1", 1);
    site.start();
    REQUIRE(running_daemon(site.pid_file()).has_value());
    std::this_thread::sleep_for(50ms); // the signal disposition is set after the lock is taken

    CHECK(stop_daemon(site.pid_file(), 100ms) == StopResult::stopped);
    CHECK_FALSE(running_daemon(site.pid_file()).has_value());
}

TEST_CASE("a daemon that does not come up is reported with the end of its log")
{
    const TempDir directory;
    std::ofstream{directory / "log"} << std::string(100'000, 'x') << "\n";

    try {
        start_daemon(directory / "pid", {"/bin/sh", "-c", "echo first; echo port is in use"},
                     directory / "log", 300ms);
        FAIL("started");
    } catch (const Error& e) {
        CHECK(e.fault() == Fault::temporary);
        CHECK_THAT(e.what(), Contains("ends with: port is in use") && !Contains("first"));
    }
}

TEST_CASE("several that start the same daemon at once get one daemon")
{
    const Site site;
    make_directories(site.pid_file().parent_path());

    ForkedChild one{[&] { site.start(); }};
    ForkedChild two{[&] { site.start(); }};

    CHECK(one.wait() == 0);
    CHECK(two.wait() == 0);
    CHECK(running_daemon(site.pid_file()).has_value());
    CHECK(stop_daemon(site.pid_file(), 10s) == StopResult::stopped);
}
