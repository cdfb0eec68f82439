// SPDX-License-Identifier: MIT
#include "libfiona/base/process.h"

#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/base/text.h"
#include "libfiona/base/unique_fd.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <utility>

extern char** environ; // NOLINT(readability-redundant-declaration) POSIX gives it no header

namespace fiona {

namespace fs = std::filesystem;
using std::chrono::steady_clock;

namespace {

constexpr std::array<int, 6> reset_signals{SIGPIPE, SIGTERM, SIGINT, SIGHUP, SIGCHLD, SIGALRM};

Error not_started(const std::string& program, int reason)
{
    return Error{Fault::unreachable, "cannot start {}: {}", program,
                 std::generic_category().message(reason)};
}

std::vector<char*> pointers(std::vector<std::string>& words)
{
    std::vector<char*> result;
    result.reserve(words.size() + 1);
    for (auto& word : words) {
        result.push_back(word.data());
    }
    result.push_back(nullptr);
    return result;
}

struct Pipe {
    UniqueFd read;
    UniqueFd write;
};

Pipe make_pipe()
{
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
        throw os_error(errno, "make a pipe");
    }
    return {UniqueFd{ends[0]}, UniqueFd{ends[1]}};
}

class FileActions {
public:
    FileActions() { ::posix_spawn_file_actions_init(&m_actions); }
    FileActions(const FileActions&) = delete;
    FileActions& operator=(const FileActions&) = delete;
    ~FileActions() { ::posix_spawn_file_actions_destroy(&m_actions); }

    void open(int fd, const char* path, int flags)
    {
        ::posix_spawn_file_actions_addopen(&m_actions, fd, path, flags, 0640);
    }
    void duplicate(int from, int to) { ::posix_spawn_file_actions_adddup2(&m_actions, from, to); }
    [[nodiscard]] const posix_spawn_file_actions_t* get() const { return &m_actions; }

private:
    posix_spawn_file_actions_t m_actions{};
};

/// A child starts with default signals and nothing blocked, whatever we do ourselves.
class SpawnAttributes {
public:
    explicit SpawnAttributes(short more_flags)
    {
        ::posix_spawnattr_init(&m_attributes);
        sigset_t signals;
        ::sigemptyset(&signals);
        ::posix_spawnattr_setsigmask(&m_attributes, &signals);
        for (const int number : reset_signals) {
            ::sigaddset(&signals, number);
        }
        ::posix_spawnattr_setsigdefault(&m_attributes, &signals);
        ::posix_spawnattr_setflags(
            &m_attributes,
            static_cast<short>(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | more_flags));
    }
    SpawnAttributes(const SpawnAttributes&) = delete;
    SpawnAttributes& operator=(const SpawnAttributes&) = delete;
    ~SpawnAttributes() { ::posix_spawnattr_destroy(&m_attributes); }

    [[nodiscard]] const posix_spawnattr_t* get() const { return &m_attributes; }

private:
    posix_spawnattr_t m_attributes{};
};

/// What a program reads: a pipe could fill up while we wait for its answer.
UniqueFd standard_input(const std::string& text)
{
    UniqueFd fd{text.empty() ? ::open("/dev/null", O_RDONLY | O_CLOEXEC)
                             : ::memfd_create("input", MFD_CLOEXEC)};
    if (!fd) {
        throw os_error(errno, "make an input");
    }
    write_all(fd.get(), text, "an input");
    ::lseek(fd.get(), 0, SEEK_SET);
    return fd;
}

std::vector<std::string> environment_with(const std::vector<std::string>& more)
{
    std::vector<std::string> variables{more};
    const auto is_replaced = [&](std::string_view variable) {
        return std::ranges::any_of(more, [&](const std::string& other) {
            return variable.starts_with(other.substr(0, other.find('=') + 1));
        });
    };
    for (char** variable = environ; variable != nullptr && *variable != nullptr; ++variable) {
        if (!is_replaced(*variable)) {
            variables.emplace_back(*variable);
        }
    }
    return variables;
}

pid_t spawn(std::vector<std::string> arguments, const FileActions& actions, short flags,
            std::vector<std::string> environment)
{
    auto argv = pointers(arguments);
    const auto envp = pointers(environment);
    const SpawnAttributes attributes{flags};
    pid_t pid = 0;
    const int problem = ::posix_spawnp(&pid, arguments.at(0).c_str(), actions.get(),
                                       attributes.get(), argv.data(), envp.data());
    if (problem != 0) {
        throw not_started(arguments[0], problem);
    }
    return pid;
}

/// What a held process needs; all of it closes with exec(3).
struct HeldEnds {
    int in;
    int out;
    int err;
    int gate;       ///< it waits for a byte here
    int other_gate; ///< our end, of which it has a copy
    int problems;
    pid_t bound_to; ///< our number; 0: it may outlive us
};

[[noreturn]] void wait_and_become(char* const* argv, char* const* envp, const HeldEnds& ends)
{
    sigset_t none;
    ::sigemptyset(&none);
    for (const int number : reset_signals) {
        static_cast<void>(std::signal(number, SIG_DFL) != SIG_ERR);
    }
    ::pthread_sigmask(SIG_SETMASK, &none, nullptr);
    ::setpgid(0, 0);
    if (ends.bound_to != 0
        && (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || ::getppid() != ends.bound_to)) {
        ::_exit(127); // died before the kernel knew of it
    }
    ::close(ends.other_gate); // or the end of the one who holds us would not be seen
    char go = 0;
    if (::read(ends.gate, &go, 1) == 1 && ::dup2(ends.in, STDIN_FILENO) >= 0
        && ::dup2(ends.out, STDOUT_FILENO) >= 0 && ::dup2(ends.err, STDERR_FILENO) >= 0) {
        ::execvpe(argv[0], argv, envp);
        const int reason = errno;
        static_cast<void>(::write(ends.problems, &reason, sizeof reason) == sizeof reason);
    }
    ::_exit(127);
}

pid_t spawn_held(const Command& command, const HeldEnds& ends)
{
    auto arguments = command.arguments;
    auto environment = environment_with(command.environment);
    const auto argv = pointers(arguments);
    const auto envp = pointers(environment);
    const pid_t pid = ::fork();
    if (pid < 0) {
        throw os_error(errno, "fork");
    }
    if (pid == 0) {
        wait_and_become(argv.data(), envp.data(), ends);
    }
    ::setpgid(pid, pid); // it does so, too: whoever comes first
    return pid;
}

/// Reads what is there, at most one block; false at the end of the stream.
bool drain(int fd, std::string& text, std::size_t limit)
{
    std::array<char, 8192> block{};
    const auto got = ::read(fd, block.data(), block.size());
    if (got < 0) {
        return errno == EINTR || errno == EAGAIN;
    }
    const auto room = limit - std::min(limit, text.size());
    text.append(block.data(), std::min(room, static_cast<std::size_t>(got)));
    return got > 0;
}

int wait_for(pid_t pid)
{
    int status = 0;
    while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

} // namespace

RunningProgram::RunningProgram(const Command& command, Start start)
    : m_max_output{command.max_output},
      m_deadline{steady_clock::now() + command.deadline}, m_name{command.arguments.at(0)}
{
    auto out = make_pipe();
    auto err = make_pipe();
    const auto input = standard_input(command.input);
    if (start != Start::at_once) {
        auto gate = make_pipe();
        auto problems = make_pipe();
        m_pid = spawn_held(command, {input.get(), out.write.get(), err.write.get(), gate.read.get(),
                                     gate.write.get(), problems.write.get(),
                                     start == Start::bound ? ::getpid() : 0});
        m_gate = std::move(gate.write);
        m_problems = std::move(problems.read);
    } else {
        FileActions actions;
        actions.duplicate(input.get(), STDIN_FILENO);
        actions.duplicate(out.write.get(), STDOUT_FILENO);
        actions.duplicate(err.write.get(), STDERR_FILENO);
        m_pid = spawn(command.arguments, actions, POSIX_SPAWN_SETPGROUP,
                      environment_with(command.environment));
    }
    watch();
    m_out = std::move(out.read);
    m_err = std::move(err.read);
    for (const auto* const end : {&m_out, &m_err}) { // several are read by one loop
        ::fcntl(end->get(), F_SETFL, O_NONBLOCK);
    }
}

void RunningProgram::let_go()
{
    constexpr char go = 'g';
    write_all(m_gate.get(), {&go, 1}, "the gate of a program");
    m_gate = UniqueFd{};
    int reason = 0;
    auto got = ::read(m_problems.get(), &reason, sizeof reason); // the end comes with exec(3)
    while (got < 0 && errno == EINTR) {
        got = ::read(m_problems.get(), &reason, sizeof reason);
    }
    m_problems = UniqueFd{};
    if (got == sizeof reason) {
        throw not_started(m_name, reason);
    }
}

void RunningProgram::watch()
{
    // Becomes readable when the program has ended. Not yet waited for, its pid and group stay its own.
    // By number: the header of glibc 2.36 lacks the extern "C" for C++.
    m_ended = UniqueFd{static_cast<int>(::syscall(SYS_pidfd_open, m_pid, 0))};
    if (!m_ended) {
        const int reason = errno;
        ::kill(-m_pid, SIGKILL);
        wait_for(m_pid);
        throw os_error(reason, "watch a child process");
    }
}

RunningProgram::~RunningProgram()
{
    if (m_pid > 0) {
        ::kill(-m_pid, SIGKILL);
        wait_for(m_pid);
    }
}

std::array<pollfd, 3> RunningProgram::events() const
{
    return {pollfd{m_out.get(), POLLIN, 0}, pollfd{m_err.get(), POLLIN, 0},
            pollfd{m_is_alive ? m_ended.get() : -1, POLLIN, 0}};
}

bool RunningProgram::advance()
{
    if (m_out && !drain(m_out.get(), m_finished.out, m_max_output)) {
        m_out = UniqueFd{};
    }
    if (m_err && !drain(m_err.get(), m_finished.err, m_max_output)) {
        m_err = UniqueFd{};
    }
    pollfd ended{m_ended.get(), POLLIN, 0};
    m_is_alive = m_is_alive && ::poll(&ended, 1, 0) != 1;
    if (!m_is_alive && !m_out && !m_err) {
        return true;
    }
    if (steady_clock::now() < m_deadline) {
        return false;
    }
    if (m_signals_sent >= 2 && !m_is_alive) {
        return true; // somebody who left the group still holds a stream: not our child any more
    }
    m_finished.timed_out = true;
    ::kill(-m_pid, m_signals_sent++ == 0 ? SIGTERM : SIGKILL); // the group: helpers of it too
    m_deadline = steady_clock::now() + std::chrono::seconds{1};
    return false;
}

RunningProgram::Streams RunningProgram::read_so_far()
{
    return {std::exchange(m_finished.out, {}), std::exchange(m_finished.err, {})};
}

void RunningProgram::expire()
{
    if (m_signals_sent == 0) {
        m_deadline = std::min(m_deadline, steady_clock::now());
    }
}

Finished RunningProgram::take()
{
    m_finished.exit_code = wait_for(std::exchange(m_pid, -1));
    return std::move(m_finished);
}

Finished run(const Command& command)
{
    RunningProgram program{command};
    while (!program.advance()) {
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
            program.wake_up() - steady_clock::now());
        auto events = program.events();
        ::poll(events.data(), events.size(),
               static_cast<int>(std::clamp<std::int64_t>(left.count() + 1, 0, 1000)));
    }
    return program.take();
}

void forbid_core_dumps()
{
    // core(5): where core_pattern is a pipe, the limit is not asked, be it 0. Linux makes one exception
    // (fs/coredump.c): the limit 1, by which it knows its own helper, dumps nowhere; and no file is as
    // small as that. PR_SET_DUMPABLE would also close /proc/PID/fd to our children.
    constexpr rlim_t nowhere = 1;
    const rlimit wanted{nowhere, nowhere};
    static_cast<void>(::setrlimit(RLIMIT_CORE, &wanted)); // fails only below a hard limit of 0
}

void start_in_background(const std::vector<std::string>& arguments, const fs::path& log)
{
    // A short-lived middle process leaves the daemon to init, so that nobody has to reap it.
    const pid_t middle = ::fork();
    if (middle < 0) {
        throw os_error(errno, "fork");
    }
    if (middle == 0) {
        try {
            FileActions actions;
            actions.open(STDIN_FILENO, "/dev/null", O_RDONLY);
            actions.open(STDOUT_FILENO, log.c_str(), O_WRONLY | O_CREAT | O_APPEND);
            actions.duplicate(STDOUT_FILENO, STDERR_FILENO);
            spawn(arguments, actions, POSIX_SPAWN_SETSID, environment_with({}));
            ::_exit(0);
        } catch (...) {
            ::_exit(1);
        }
    }
    if (wait_for(middle) != 0) {
        throw Error{Fault::unreachable, "cannot start {} in the background (log {})",
                    arguments.at(0), log.native()};
    }
}

std::optional<std::uint64_t> start_ticks(pid_t pid)
{
    const auto text = read_file_if_any(fmt::format("/proc/{}/stat", pid));
    // The name in parentheses is the program's own, and may hold anything.
    const auto after_name = text ? text->rfind(')') : std::string::npos;
    if (after_name == std::string::npos) {
        return std::nullopt;
    }
    constexpr std::size_t field = 22 - 2; // the 22nd; after the name comes a blank, then the third
    const auto fields = split(std::string_view{*text}.substr(after_name), ' ');
    std::uint64_t ticks = 0;
    if (fields.size() <= field || fields[1] == "Z") {
        return std::nullopt;
    }
    const auto [end, problem] =
        std::from_chars(fields[field].data(), fields[field].data() + fields[field].size(), ticks);
    return problem == std::errc{} ? std::optional{ticks} : std::nullopt;
}

std::string sibling_program(const std::string& name)
{
    std::error_code problem;
    const auto self = fs::read_symlink("/proc/self/exe", problem);
    const auto sibling = self.parent_path() / name;
    return !problem && ::access(sibling.c_str(), X_OK) == 0 ? sibling.native() : name;
}

} // namespace fiona
