// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <string>
#include <vector>

struct Outcome {
    int exit_code = -1;
    std::string out;
    std::string err;
};

/// Runs an executable of the build tree with a clean environment (and `environment`, items
/// `NAME=VALUE`) and no shell.
Outcome run_tool(const std::string& name, const std::vector<std::string>& arguments,
                 const std::vector<std::string>& environment = {});

/// The same, but sends SIGKILL as soon as `condition()` is true. The tool may end before.
Outcome run_tool_and_kill(const std::string& name, const std::vector<std::string>& arguments,
                          const std::vector<std::string>& environment,
                          const std::function<bool()>& condition);
