// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

struct Outcome {
    int exit_code = -1;
    std::string out;
    std::string err;
};

/// Runs an executable of the build tree with a clean environment and no shell.
Outcome run_tool(const std::string& name, const std::vector<std::string>& arguments);
