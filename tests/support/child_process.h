// SPDX-License-Identifier: MIT
#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

/// A program in the background, its output in files; killed and waited for with the object.
class ChildProcess {
public:
    /// The environment is empty but for PATH and what is given.
    ChildProcess(const std::vector<std::string>& arguments, std::filesystem::path directory,
                 const std::vector<std::string>& environment = {});
    ChildProcess(const ChildProcess&) = delete;
    ChildProcess& operator=(const ChildProcess&) = delete;
    ~ChildProcess();

    [[nodiscard]] pid_t pid() const { return m_pid; }
    void kill(int signal) const;
    /// The exit code, 128 + signal number, or nothing if it still runs after `patience`.
    std::optional<int> wait(std::chrono::milliseconds patience);
    [[nodiscard]] std::string out() const;
    [[nodiscard]] std::string err() const;

private:
    std::filesystem::path m_directory;
    pid_t m_pid = 0;
    std::optional<int> m_exit_code;
};

/// The path of an executable of the build tree.
std::string built_program(const std::string& name);
