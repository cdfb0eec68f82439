// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/unique_fd.h"

#include <poll.h>
#include <sys/types.h>

#include <array>
#include <chrono>
#include <cstdint>
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
    std::string input{};                            ///< all of its standard input
    std::vector<std::string> environment{};         ///< `NAME=VALUE`, beside and instead of ours
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

/// The same, for whoever has something else to do meanwhile, such as running another.
class RunningProgram {
public:
    enum class Start {
        at_once,
        held, ///< the process becomes the program only with let_go(), and ends if we die before: between
              ///< the two its number can be noted, so that nothing runs that nobody knows of
        bound ///< held, and killed by the kernel the moment we die, let go or not, as long as the
              ///< program does not become another user
    };
    /// Throws Error{Fault::unreachable} if it cannot be started.
    explicit RunningProgram(const Command& command, Start start = Start::at_once);
    /// To be called once for a held one. Throws Error{Fault::unreachable} if it cannot be started.
    void let_go();
    RunningProgram(const RunningProgram&) = delete;
    RunningProgram& operator=(const RunningProgram&) = delete;
    /// A program that still runs is killed with its group.
    ~RunningProgram();

    /// Also the number of its process group.
    [[nodiscard]] pid_t pid() const { return m_pid; }
    /// What to poll(2) for, at most until wake_up(), before the next advance(). Negative: closed.
    [[nodiscard]] std::array<pollfd, 3> events() const;
    [[nodiscard]] std::chrono::steady_clock::time_point wake_up() const { return m_deadline; }
    /// Reads what is there and sends the signals that are due, without waiting. True when it is over.
    [[nodiscard]] bool advance();
    struct Streams {
        std::string out;
        std::string err;
    };
    /// What was read since the last call; take() then gives the rest. For output that is to be kept
    /// elsewhere: Command::max_output bounds what waits here.
    [[nodiscard]] Streams read_so_far();
    /// From now on its time is over.
    void expire();
    /// To be called once, when advance() has returned true.
    [[nodiscard]] Finished take();

private:
    void watch();

    std::size_t m_max_output;
    std::chrono::steady_clock::time_point m_deadline;
    pid_t m_pid = -1;
    UniqueFd m_out;
    UniqueFd m_err;
    UniqueFd m_ended;    ///< readable when the program has ended
    UniqueFd m_gate;     ///< of a held one, as the next: it waits for a byte
    UniqueFd m_problems; ///< an errno, if it could not become the program
    std::string m_name;
    int m_signals_sent = 0;
    bool m_is_alive = true;
    Finished m_finished;
};

/// Starts a program of its own session, standard input /dev/null, output and errors appended to
/// `log` (mode 0640). The caller does not wait for it; its parent becomes init.
void start_in_background(const std::vector<std::string>& arguments,
                         const std::filesystem::path& log);

/// From now on neither this process nor what it starts leaves a core dump, in a file or with a program
/// that the system hands them to: the memory of a gatekeeper holds identities. What the system does not
/// allow is left as it is.
void forbid_core_dumps();

/// When a process began, in ticks since boot (proc(5), stat); nothing if there is none of that number,
/// or it has ended.
/// Number and time together name one process for ever.
[[nodiscard]] std::optional<std::uint64_t> start_ticks(pid_t pid);

/// The path of another fiona tool: beside the running program, else in PATH by its bare name.
[[nodiscard]] std::string sibling_program(const std::string& name);

} // namespace fiona
