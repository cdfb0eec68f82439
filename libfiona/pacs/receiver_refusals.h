// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/pacs/receiver_listener.h"

#include <poll.h>

#include <chrono>
#include <cstdint>
#include <list>
#include <string>
#include <string_view>
#include <vector>

namespace fiona::pacs {

/// Result, source and reason of an A-ASSOCIATE-RJ (PS3.8 §9.3.4).
struct Rejection {
    std::uint8_t result;
    std::uint8_t source;
    std::uint8_t reason;
    std::string_view why; ///< for the log
};

constexpr Rejection too_many{2, 3, 2, "too many associations"};         ///< local limit exceeded
constexpr Rejection no_space{2, 3, 1, "no room"};                       ///< temporary congestion
constexpr Rejection switched_off{2, 1, 1, "reception is switched off"}; ///< no reason given
constexpr Rejection unknown_address{1, 1, 1, "address not allowed"};    ///< no reason given
constexpr Rejection unknown_caller{1, 1, 3, "calling AE title not allowed"};   ///< not recognized
constexpr Rejection no_context{1, 1, 1, "no acceptable presentation context"}; ///< no reason given

/// Turns callers away politely and without a process for each: reads the A-ASSOCIATE-RQ, answers with
/// the rejection, and waits until the peer closes, or the patience ends. Memory is the same for every
/// caller and their number is bounded; beyond it the oldest answered one goes, and if there is none the
/// new connection is simply closed.
class Refusals {
public:
    using Now = std::chrono::steady_clock::time_point;

    void add(Accepted peer, const Rejection& rejection, Now deadline);
    /// What to wait for; in the order of the callers.
    [[nodiscard]] std::vector<pollfd> waits() const;
    /// Moves every caller on whose descriptor is ready (`ready` is what waits() gave, with revents), and
    /// forgets those who are done or late.
    void step(const std::vector<pollfd>& ready, Now now);
    [[nodiscard]] std::uint64_t count() const { return m_count; } ///< refused so far

private:
    struct Caller {
        Accepted peer;
        Rejection rejection;
        Now deadline;
        std::vector<unsigned char> head; ///< the fixed part of the request
        std::uint64_t seen = 0;
        bool answered = false;
    };

    static bool read_more(Caller& caller);
    static void answer(Caller& caller);
    static bool advance(Caller& caller);
    void make_room();

    std::list<Caller> m_callers;
    std::uint64_t m_count = 0;
};

} // namespace fiona::pacs
