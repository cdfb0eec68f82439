// SPDX-License-Identifier: MIT
#pragma once

#include "tests/support/traced_tool.h"

#include <functional>
#include <string>
#include <vector>

/// A tool at work, over and over: in round n something goes wrong at its n-th system call.
struct Scene {
    using Arguments = std::vector<std::string>;

    std::string tool;
    /// New work for round n, and the command line for it.
    std::function<Arguments(unsigned round)> prepare;
    /// What must hold when the trouble is over: nothing half, and success is only said when it is so.
    std::function<void(unsigned round, const Outcome& outcome)> look;
    /// The runs that follow, and what must be there in the end, once.
    std::function<void(unsigned round)> finish;
};

/// Round 0 is without trouble and shows which of `calls` the tool makes; then one round for each of them,
/// or, without FIONA_TEST_FULL=1, for `most` of them. Returns how many rounds met the trouble.
unsigned play(const Scene& scene, const std::string& calls, const std::string& what,
              std::size_t most);
