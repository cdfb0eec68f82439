// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

namespace fiona::redcapd {

/// So many requests a minute from one address, as a bucket that holds at most that many. Thread-safe.
class RateLimit {
public:
    using Time = std::chrono::steady_clock::time_point;

    /// 0: no limit.
    explicit RateLimit(unsigned per_minute) : m_per_minute{per_minute} {}

    /// Nothing: go on. Else how long the client shall wait, at least a second.
    [[nodiscard]] std::optional<std::chrono::seconds> refuse(const std::string& address, Time now);

private:
    struct Bucket {
        double tokens = 0;
        Time filled;
    };
    void forget_full_ones(Time now);

    unsigned m_per_minute;
    std::mutex m_mutex;
    std::unordered_map<std::string, Bucket> m_buckets;
};

} // namespace fiona::redcapd
