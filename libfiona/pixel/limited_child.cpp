// SPDX-License-Identifier: MIT
#include "libfiona/pixel/limited_child.h"

#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/base/process.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <fstream>
#include <new>
#include <utility>

namespace fiona::pixel {

namespace {

using std::chrono::steady_clock;

// First byte of what the child says.
constexpr char answered = 'A';
constexpr char failed = 'F'; // then the fault, then the text

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool limits_memory = false; // their shadow memory is larger than any limit
#else
constexpr bool limits_memory = true;
#endif
constexpr std::size_t most_answer_bytes = std::size_t{64} << 20U;

void limit(int resource, std::uint64_t value)
{
    const struct rlimit limits {
        value, value
    };
    if (::setrlimit(static_cast<__rlimit_resource>(resource), &limits) != 0) {
        throw os_error(errno, "limit a child process");
    }
}

std::uint64_t address_space()
{
    std::ifstream statm{"/proc/self/statm"};
    std::uint64_t pages = 0;
    statm >> pages;
    return pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

void apply(const ChildLimits& limits, pid_t parent)
{
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid()
        != parent) { // it died before it could be watched: its locks must not live on here
        ::_exit(1);
    }
    if (limits_memory) {
        limit(RLIMIT_AS, address_space() + limits.memory_bytes);
    }
    limit(RLIMIT_FSIZE, limits.file_bytes);
    forbid_core_dumps();
    limit(RLIMIT_CPU, static_cast<std::uint64_t>(limits.cpu.count()));
    const std::array actions{std::pair{SIGXFSZ, SIG_IGN}, // write(2) says EFBIG instead
                             std::pair{SIGTERM, SIG_DFL}, std::pair{SIGINT, SIG_DFL}};
    for (const auto& [number, action] : actions) {
        if (::signal(number, action) == SIG_ERR) {
            throw os_error(errno, "set a signal");
        }
    }
}

[[noreturn]] void live(const ChildLimits& limits, const std::function<std::string()>& work,
                       int answer_fd, pid_t parent)
{
    std::string answer;
    try {
        apply(limits, parent);
        answer = answered + work();
    } catch (const Error& error) {
        answer = std::string{failed} + static_cast<char>('0' + static_cast<int>(error.fault()))
                 + error.what();
    } catch (const std::bad_alloc&) {
        answer = std::string{failed} + static_cast<char>('0' + static_cast<int>(Fault::data))
                 + "needs more memory than it may";
    } catch (const std::exception&) { // its text may hold what it worked on
        answer = std::string{failed} + static_cast<char>('0' + static_cast<int>(Fault::internal))
                 + "unexpected exception";
    }
    try {
        write_all(answer_fd, answer, "answer");
    } catch (...) {
        ::_exit(1); // the parent has gone, or sees that the answer is not whole
    }
    ::_exit(0); // no destructors of what belongs to the parent
}

} // namespace

LimitedChild::LimitedChild(const ChildLimits& limits, const std::function<std::string()>& work)
    : m_deadline{steady_clock::now() + limits.wall}
{
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
        throw os_error(errno, "make a pipe");
    }
    m_read = UniqueFd{ends[0]};
    const UniqueFd write_end{ends[1]};
    const auto parent = ::getpid();
    m_pid = ::fork();
    if (m_pid < 0) {
        throw os_error(errno, "fork");
    }
    if (m_pid == 0) {
        live(limits, work, write_end.get(), parent);
    }
}

LimitedChild::~LimitedChild()
{
    if (m_pid > 0) {
        ::kill(m_pid, SIGKILL);
        while (::waitpid(m_pid, nullptr, 0) < 0 && errno == EINTR) {
        }
    }
}

bool LimitedChild::take()
{
    std::array<char, 65536> block{};
    const auto got = ::read(m_read.get(), block.data(), block.size());
    if (got < 0) {
        return errno != EINTR;
    }
    m_answer.append(block.data(), static_cast<std::size_t>(got));
    return got == 0 || m_answer.size() > most_answer_bytes;
}

std::string LimitedChild::finish()
{
    const bool in_time = steady_clock::now() < m_deadline;
    if (!in_time || m_answer.size() > most_answer_bytes) {
        ::kill(m_pid, SIGKILL);
    }
    int status = 0;
    while (::waitpid(m_pid, &status, 0) < 0 && errno == EINTR) {
    }
    m_pid = -1;
    if (!in_time) {
        throw Error{Fault::data, "took longer than it may"};
    }
    if (WIFSIGNALED(status)) {
        const int signal = WTERMSIG(status);
        throw Error{Fault::data, "{}",
                    signal == SIGXCPU || signal == SIGKILL
                        ? "needs more processor time than it may, or was killed"
                        : "broke the decoder"};
    }
    if (m_answer.size() > 1 && m_answer[0] == failed) {
        throw Error{static_cast<Fault>(m_answer[1] - '0'), "{}", m_answer.substr(2)};
    }
    if (WEXITSTATUS(status) != 0 || m_answer.empty() || m_answer[0] != answered) {
        throw Error{Fault::internal, "a child process gave no answer"};
    }
    return m_answer.substr(1);
}

std::string run_limited(const ChildLimits& limits, const std::function<std::string()>& work)
{
    LimitedChild child{limits, work};
    for (bool done = false; !done && steady_clock::now() < child.deadline();) {
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
            child.deadline() - steady_clock::now());
        pollfd event{child.fd(), POLLIN, 0};
        const int ready =
            ::poll(&event, 1, static_cast<int>(std::clamp<std::int64_t>(left.count(), 1, 60'000)));
        done = ready > 0 && child.take();
    }
    return child.finish();
}

} // namespace fiona::pixel
