// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/dates.h"

#include <chrono>
#include <filesystem>
#include <optional>

namespace fiona::redcap {

/// The calls of all tools of a site together: REDCap bans an address that makes too many. One
/// fifth of `per_minute` may come at once, then the rest evenly, so that no sixty seconds see more
/// than `per_minute`. Shared through `<state>/redcap-rate`.
class RateLimit {
public:
    /// No limit if `state_dir` is empty or `per_minute` is 0.
    RateLimit(const std::filesystem::path& state_dir, unsigned per_minute);

    /// Reserves one call: how long to wait before it is made. Nothing, and nothing reserved, if
    /// that is longer than `patience`.
    [[nodiscard]] std::optional<std::chrono::milliseconds>
    take(TimePoint now, std::chrono::milliseconds patience) const;
    /// The server asked for silence (`Retry-After`): no tool calls before it ends.
    void hold(TimePoint now, std::chrono::seconds silence) const;

private:
    std::filesystem::path m_file; ///< empty: no limit
    unsigned m_per_minute;
};

} // namespace fiona::redcap
