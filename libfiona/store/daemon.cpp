// SPDX-License-Identifier: MIT
#include "libfiona/store/daemon.h"

#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/base/process.h"
#include "libfiona/base/text.h"
#include "libfiona/store/file_lock.h"

#include <csignal>
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

std::string last_line(const fs::path& log)
{
    const auto text = read_file_if_any(log).value_or("");
    const auto lines = split(trimmed(text), '\n');
    return std::string{lines.back()};
}

} // namespace

std::optional<pid_t> running_daemon(const fs::path& pid_file)
{
    const auto holder = FileLock::holder(pid_file);
    return holder && *holder > 0 ? holder : std::nullopt;
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
