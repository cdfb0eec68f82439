// SPDX-License-Identifier: MIT
#pragma once

#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <stdexcept>
#include <thread>

/// A forked copy of the test that runs `body` and ends: for what happens between two processes, and
/// for SIGKILL in the middle of something.
class ForkedChild {
public:
    template <typename Body>
    explicit ForkedChild(const Body& body) : m_pid{::fork()}
    {
        if (m_pid < 0) {
            throw std::runtime_error{"cannot fork"};
        }
        if (m_pid == 0) {
            for (const int number : {SIGTERM, SIGINT, SIGSEGV, SIGABRT}) {
                std::signal(number, SIG_DFL); // not the test framework's
            }
            try {
                body();
            } catch (...) {
                ::_exit(1);
            }
            ::_exit(0);
        }
    }
    ForkedChild(const ForkedChild&) = delete;
    ForkedChild& operator=(const ForkedChild&) = delete;
    ~ForkedChild()
    {
        if (m_pid > 0) {
            kill();
        }
    }

    [[nodiscard]] pid_t pid() const { return m_pid; }

    /// SIGKILL, and wait.
    void kill()
    {
        ::kill(m_pid, SIGKILL);
        static_cast<void>(wait());
    }

    /// The exit code, or 128 + the number of the signal.
    [[nodiscard]] int wait()
    {
        int status = 0;
        ::waitpid(m_pid, &status, 0);
        m_pid = -1;
        return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    }

private:
    pid_t m_pid;
};

/// Waits for an event, at most ten seconds; false if it does not come.
template <typename Condition>
[[nodiscard]] bool eventually(const Condition& condition)
{
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds{10};
    while (!condition()) {
        if (std::chrono::steady_clock::now() > deadline) {
            return false;
        }
        std::this_thread::sleep_for(std::chrono::milliseconds{2});
    }
    return true;
}
