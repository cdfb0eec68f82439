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
    /// Events by which the tool says that it goes on without something that is only of help: a note of progress.
    /// Any other sync that fails is no success.
    std::vector<std::string> aids{};
};

/// Calls that every tool makes, and more.
inline constexpr std::size_t fewest_calls = 8;
/// One round in so many may find the call not made: threads and answers come in another order each time.
inline constexpr std::size_t most_missed = 12;

/// Rounds 0 and 1 are without trouble; the second shows which of `calls` the tool makes. Then one round for each of them,
/// or, without FIONA_TEST_FULL=1, for `most` of them, and for `most` of its syncs if they fail with EIO. CHECKs
/// that the trouble was met, and that no tool says success when a sync has failed.
void play(const Scene& scene, const std::string& calls, const std::string& what, std::size_t most);
