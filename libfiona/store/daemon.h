// SPDX-License-Identifier: MIT
#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

/// The life of a daemon of ours. The running daemon holds a FileLock on its pid file for its whole
/// life: the lock, not the number in it and not a process name, says whether it runs.
///
/// pid file  lock
///    -       -     never started
///    +       -     stopped, or died; `start` starts it
///    +       +     running; the file holds its pid
namespace fiona::store {

/// The pid of the running daemon; nothing if it does not run.
[[nodiscard]] std::optional<pid_t> running_daemon(const std::filesystem::path& pid_file);

enum class StartResult { started, already_running };

/// Starts `arguments` in the background unless it runs, and waits until it holds the lock.
/// Throws Error{Fault::temporary} with the last line of the log if it does not within `patience`.
StartResult start_daemon(const std::filesystem::path& pid_file,
                         const std::vector<std::string>& arguments,
                         const std::filesystem::path& log,
                         std::chrono::milliseconds patience = std::chrono::milliseconds{10'000});

enum class StopResult { stopped, was_not_running };

/// SIGTERM, then wait; SIGKILL after `grace`. The pid is believed only while the lock is held.
StopResult stop_daemon(const std::filesystem::path& pid_file, std::chrono::milliseconds grace);

} // namespace fiona::store
