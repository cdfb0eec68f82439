// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/error.h"

#include <chrono>
#include <optional>
#include <random>

namespace fiona::redcap {

/// Decides whether a failed call is made again, and waits before it is: full jitter, base 0.5 s
/// doubling to 30 s, at most five tries, never beyond the deadline. `Retry-After` is obeyed.
class Retry {
public:
    enum class Tries { once, several };

    Retry(std::chrono::milliseconds deadline, Tries tries);

    /// What is left of the deadline, for the time limit of the next try.
    [[nodiscard]] std::chrono::milliseconds time_left() const;
    /// True after a wait; false if there is no point in trying again or no time left for it.
    [[nodiscard]] bool wait(const Error& problem,
                            const std::optional<std::chrono::seconds>& retry_after);
    [[nodiscard]] unsigned tries() const { return m_done; }

private:
    std::chrono::steady_clock::time_point m_deadline;
    unsigned m_max_tries;
    unsigned m_done = 0;
    std::minstd_rand m_random;
};

} // namespace fiona::redcap
