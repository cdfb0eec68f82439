// SPDX-License-Identifier: MIT
#include "libfiona/store/daemon.h"

#include "libfiona/base/error.h"
#include "libfiona/base/file_lock.h"
#include "libfiona/base/files.h"
#include "libfiona/base/process.h"
#include "libfiona/base/text.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <fstream>
#include <iterator>
#include <thread>

namespace fiona::store {

namespace fs = std::filesystem;
using std::chrono::steady_clock;

namespace {

constexpr std::chrono::milliseconds poll_interval{10};

bool wait_until(const auto& condition, std::chrono::milliseconds patience)
{
    const auto deadline = steady_clock::now() + patience;
    while (!condition()) {
        if (steady_clock::now() >= deadline) {
            return false;
        }
        std::this_thread::sleep_for(poll_interval);
    }
    return true;
}

/// Of a log that may be large.
std::string last_line(const fs::path& log)
{
    constexpr std::size_t tail = 4096;
    std::ifstream in{log, std::ios::binary | std::ios::ate};
    const auto size = in ? static_cast<std::streamoff>(in.tellg()) : 0;
    in.seekg(std::max<std::streamoff>(0, size - static_cast<std::streamoff>(tail)));
    const std::string text{std::istreambuf_iterator<char>{in}, {}};
    return std::string{split(trimmed(text), '\n').back()};
}

bool is_alive(pid_t pid)
{
    return pid > 0 && (::kill(pid, 0) == 0 || errno == EPERM);
}

} // namespace

std::optional<pid_t> running_daemon(const fs::path& pid_file)
{
    // Between taking the lock and writing its pid a daemon that starts shows no pid, or that of the
    // last one: nobody may be signalled for that.
    constexpr std::chrono::milliseconds patience{1000};
    std::optional<pid_t> holder;
    wait_until(
        [&] {
            holder = FileLock::holder(pid_file);
            return !holder || is_alive(*holder);
        },
        patience);
    return holder && is_alive(*holder) ? holder : std::nullopt;
}

StartResult start_daemon(const fs::path& pid_file, const std::vector<std::string>& arguments,
                         const fs::path& log, std::chrono::milliseconds patience)
{
    if (FileLock::holder(pid_file)) {
        return StartResult::already_running;
    }
    make_directories(pid_file.parent_path());
    make_directories(log.parent_path());
    start_in_background(arguments, log);
    if (!wait_until([&] { return FileLock::holder(pid_file).has_value(); }, patience)) {
        throw Error{Fault::temporary, "{} did not start; its log {} ends with: {}", arguments.at(0),
                    log.native(), last_line(log)};
    }
    return StartResult::started;
}

StopResult stop_daemon(const fs::path& pid_file, std::chrono::milliseconds grace)
{
    const auto pid = running_daemon(pid_file);
    if (!pid) {
        return StopResult::was_not_running;
    }
    const auto gone = [&] { return running_daemon(pid_file) != pid; };
    for (const int signal : {SIGTERM, SIGKILL}) {
        if (::kill(*pid, signal) != 0 && errno != ESRCH) {
            throw os_error(errno, fmt::format("signal process {}", *pid));
        }
        if (wait_until(gone, signal == SIGTERM ? grace : std::chrono::milliseconds{5000})) {
            return StopResult::stopped;
        }
    }
    throw Error{Fault::temporary, "process {} does not end", *pid};
}

} // namespace fiona::store
