// SPDX-License-Identifier: MIT
#pragma once

#include "tests/support/run_tool.h"

#include <exception>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

/// Stops the daemons of a site when it goes, also if the test ends early: make it before the first is started, and
/// behind the directory and the disk that they live on.
class DaemonGuard {
public:
    explicit DaemonGuard(std::filesystem::path config_file,
                         std::vector<std::string> daemons = {"fiona-storescp",
                                                             "fiona-process-file"})
        : m_config_file{std::move(config_file)}, m_daemons{std::move(daemons)}
    {
    }
    DaemonGuard(const DaemonGuard&) = delete;
    DaemonGuard& operator=(const DaemonGuard&) = delete;
    ~DaemonGuard()
    {
        for (const auto& daemon : m_daemons) {
            try {
                run_tool(daemon, {"--config", m_config_file.native(), "stop"});
            } catch (const std::exception&) { // NOLINT(bugprone-empty-catch) the test has ended
            }
        }
    }

private:
    std::filesystem::path m_config_file;
    std::vector<std::string> m_daemons;
};
