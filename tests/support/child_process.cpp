// SPDX-License-Identifier: MIT
#include "tests/support/child_process.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>

#include <csignal>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <thread>
#include <utility>

namespace {

std::string content(const std::filesystem::path& path)
{
    std::ifstream in{path, std::ios::binary};
    return {std::istreambuf_iterator<char>{in}, {}};
}

std::vector<char*> pointers(std::vector<std::string>& words)
{
    std::vector<char*> found;
    found.reserve(words.size() + 1);
    for (auto& word : words) {
        found.push_back(word.data());
    }
    found.push_back(nullptr);
    return found;
}

} // namespace

ChildProcess::ChildProcess(const std::vector<std::string>& arguments,
                           std::filesystem::path directory,
                           const std::vector<std::string>& environment)
    : m_directory{std::move(directory)}
{
    std::filesystem::create_directories(m_directory);
    auto words = arguments;
    auto variables = environment;
    variables.emplace_back("PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin");
    const auto argv = pointers(words);
    const auto envp = pointers(variables);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    constexpr int flags = O_WRONLY | O_CREAT | O_TRUNC;
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, 1, (m_directory / "out").c_str(), flags, 0600);
    posix_spawn_file_actions_addopen(&actions, 2, (m_directory / "err").c_str(), flags, 0600);
    const int failed =
        ::posix_spawnp(&m_pid, words.front().c_str(), &actions, nullptr, argv.data(), envp.data());
    posix_spawn_file_actions_destroy(&actions);
    if (failed != 0) {
        throw std::runtime_error{"cannot start " + words.front()};
    }
}

ChildProcess::~ChildProcess()
{
    if (!m_exit_code) {
        ::kill(m_pid, SIGKILL);
        ::waitpid(m_pid, nullptr, 0);
    }
}

void ChildProcess::kill(int signal) const
{
    if (!m_exit_code) {
        ::kill(m_pid, signal);
    }
}

std::optional<int> ChildProcess::wait(std::chrono::milliseconds patience)
{
    const auto deadline = std::chrono::steady_clock::now() + patience;
    while (!m_exit_code) {
        int status = 0;
        if (::waitpid(m_pid, &status, WNOHANG) == m_pid) {
            m_exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        } else if (std::chrono::steady_clock::now() >= deadline) {
            break;
        } else {
            std::this_thread::sleep_for(std::chrono::milliseconds{1});
        }
    }
    return m_exit_code;
}

std::string ChildProcess::out() const
{
    return content(m_directory / "out");
}

std::string ChildProcess::err() const
{
    return content(m_directory / "err");
}

std::string built_program(const std::string& name)
{
    return std::string{FIONA_BIN_DIR} + "/" + name;
}
