// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/files.h"
#include "libfiona/base/process.h"
#include "tests/support/run_tool.h"
#include "tests/support/temp_dir.h"

#include <catch2/catch.hpp>

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <sysexits.h>

#include <array>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

// An embedded REDCap for a test: its files, the running server, and curl to talk to it.

struct Reply {
    int status = 0; ///< 0: no answer
    std::string body;
    std::string type; ///< Content-Type
};

/// curl with a deadline; `where` is an address the server printed.
inline Reply curl(const std::string& where, const std::vector<std::string>& options)
{
    std::vector<std::string> words{"curl", "-sS", "--max-time",
                                   "20",   "-w",  "\n%{http_code} %{content_type}"};
    if (where.starts_with("unix:")) {
        words.insert(words.end(), {"--unix-socket", where.substr(5), "http://localhost/api/"});
    } else {
        words.push_back(where);
    }
    words.insert(words.end(), options.begin(), options.end());
    const auto run = fiona::run({.arguments = words, .max_output = std::size_t{8} << 20U});
    const auto line = run.out.rfind('\n');
    if (run.exit_code != 0 || line == std::string::npos) {
        return {};
    }
    return {std::stoi(run.out.substr(line + 1)), run.out.substr(0, line), run.out.substr(line + 5)};
}

/// A database with a token file, made by the tool.
class RedcapSite {
public:
    RedcapSite()
    {
        REQUIRE(run_tool("fiona-redcapd", {"init", "--db", database(), "--tokens-file", tokens()})
                    .exit_code
                == EX_OK);
    }

    [[nodiscard]] std::string database() const { return directory / "redcap.db"; }
    [[nodiscard]] std::string tokens() const { return directory / "redcap.tokens"; }
    [[nodiscard]] std::string token(const std::string& role) const
    {
        std::ifstream in{tokens()};
        for (std::string line; std::getline(in, line);) {
            if (line.starts_with(role + " = ")) {
                return line.substr(role.size() + 3);
            }
        }
        return {};
    }

    TempDir directory;
};

/// `fiona-redcapd serve` on a free port until the object ends.
class RedcapServer {
public:
    explicit RedcapServer(const RedcapSite& site, const std::vector<std::string>& options = {})
        : m_out{site.directory / "out"}, m_err{site.directory / "err"}
    {
        const auto program = (std::filesystem::read_symlink("/proc/self/exe").parent_path() / ".."
                              / "bin" / "fiona-redcapd")
                                 .native();
        std::vector<std::string> words{program,    "serve",       "--db",        site.database(),
                                       "--listen", "127.0.0.1:0", "--plain-http"};
        words.insert(words.end(), options.begin(), options.end());
        std::vector<char*> argv;
        for (auto& word : words) {
            argv.push_back(word.data());
        }
        argv.push_back(nullptr);
        posix_spawn_file_actions_t actions;
        posix_spawn_file_actions_init(&actions);
        posix_spawn_file_actions_addopen(&actions, 1, m_out.c_str(), O_WRONLY | O_CREAT | O_TRUNC,
                                         0600);
        posix_spawn_file_actions_addopen(&actions, 2, m_err.c_str(), O_WRONLY | O_CREAT | O_TRUNC,
                                         0600);
        std::array<char*, 1> environment{nullptr};
        const int failed = ::posix_spawn(&m_pid, program.c_str(), &actions, nullptr, argv.data(),
                                         environment.data());
        posix_spawn_file_actions_destroy(&actions);
        REQUIRE(failed == 0);
        const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds{10};
        while (url.empty() && std::chrono::steady_clock::now() < deadline) {
            std::this_thread::sleep_for(std::chrono::milliseconds{5});
            std::ifstream in{m_out};
            for (std::string line; std::getline(in, line);) {
                if (line.starts_with("http") && line.ends_with("/api/")) {
                    url = line;
                }
            }
        }
        REQUIRE_FALSE(url.empty());
    }
    RedcapServer(const RedcapServer&) = delete;
    RedcapServer& operator=(const RedcapServer&) = delete;
    ~RedcapServer() { end(SIGKILL); }

    /// Exit code, or 128 + signal.
    int end(int signal)
    {
        if (m_pid <= 0) {
            return -1;
        }
        ::kill(m_pid, signal);
        int status = 0;
        ::waitpid(m_pid, &status, 0);
        m_pid = -1;
        return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    }

    [[nodiscard]] std::string log() const { return fiona::read_file(m_err); }

    std::string url;

private:
    std::filesystem::path m_out;
    std::filesystem::path m_err;
    pid_t m_pid = -1;
};
