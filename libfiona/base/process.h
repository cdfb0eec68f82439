// SPDX-License-Identifier: MIT
#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

/// Child processes: an argument vector, a deadline, and never a shell.
namespace fiona {

struct Command {
    std::vector<std::string> arguments; ///< [0] is the program; looked up in PATH without a slash
    std::chrono::milliseconds deadline{60'000};     ///< after it SIGTERM, a second later SIGKILL
    std::size_t max_output = std::size_t{1} << 20U; ///< of each stream; more is read and dropped
};

struct Finished {
    int exit_code = -1; ///< 128 + signal number when a signal ended it
    bool timed_out = false;
    std::string out;
    std::string err;
};

/// Runs the program and waits until it has ended and its streams are closed, or the deadline has
/// passed. Then its process group gets the signals; what left the group is no longer waited for. Throws Error{Fault::unreachable} if it cannot be started.
[[nodiscard]] Finished run(const Command& command);

/// Starts a program of its own session, standard input /dev/null, output and errors appended to
/// `log` (mode 0640). The caller does not wait for it; its parent becomes init.
void start_in_background(const std::vector<std::string>& arguments,
                         const std::filesystem::path& log);

/// The path of another fiona tool: beside the running program, else in PATH by its bare name.
[[nodiscard]] std::string sibling_program(const std::string& name);

} // namespace fiona
