// SPDX-License-Identifier: MIT
#include "tests/support/run_tool.h"

#include "tests/support/temp_dir.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>

#include <csignal>
#include <fstream>
#include <iterator>
#include <stdexcept>

namespace {

std::string slurp(const std::filesystem::path& path)
{
    std::ifstream in{path, std::ios::binary};
    return {std::istreambuf_iterator<char>{in}, {}};
}

/// The pointers that exec takes; they live as long as `words`.
std::vector<char*> pointers(std::vector<std::string>& words)
{
    std::vector<char*> result;
    for (auto& word : words) {
        result.push_back(word.data());
    }
    result.push_back(nullptr);
    return result;
}

pid_t start(const std::string& name, const std::vector<std::string>& arguments,
            std::vector<std::string> environment, const TempDir& scratch)
{
    const auto program = std::string{FIONA_BIN_DIR} + "/" + name;
    std::vector<std::string> words{program};
    words.insert(words.end(), arguments.begin(), arguments.end());
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 1, (scratch / "out").c_str(), O_WRONLY | O_CREAT,
                                     0600);
    posix_spawn_file_actions_addopen(&actions, 2, (scratch / "err").c_str(), O_WRONLY | O_CREAT,
                                     0600);
    pid_t pid = 0;
    const int failed = ::posix_spawn(&pid, program.c_str(), &actions, nullptr,
                                     pointers(words).data(), pointers(environment).data());
    posix_spawn_file_actions_destroy(&actions);
    if (failed != 0) {
        throw std::runtime_error{"cannot start " + program};
    }
    return pid;
}

Outcome outcome(int status, const TempDir& scratch)
{
    return {WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status),
            slurp(scratch / "out"), slurp(scratch / "err")};
}

} // namespace

Outcome run_tool(const std::string& name, const std::vector<std::string>& arguments,
                 const std::vector<std::string>& environment)
{
    const TempDir scratch;
    const auto pid = start(name, arguments, environment, scratch);
    int status = 0;
    ::waitpid(pid, &status, 0);
    return outcome(status, scratch);
}

Outcome run_tool_and_kill(const std::string& name, const std::vector<std::string>& arguments,
                          const std::vector<std::string>& environment,
                          const std::function<bool()>& condition)
{
    const TempDir scratch;
    const auto pid = start(name, arguments, environment, scratch);
    int status = 0;
    while (::waitpid(pid, &status, WNOHANG) == 0) {
        if (condition()) {
            ::kill(pid, SIGKILL);
            ::waitpid(pid, &status, 0);
            break;
        }
    }
    return outcome(status, scratch);
}
