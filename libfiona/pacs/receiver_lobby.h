// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/pacs/receiver_listener.h"

#include <poll.h>

#include <chrono>
#include <cstddef>
#include <list>
#include <vector>

namespace fiona::pacs {

/// Callers whose request is not there yet. A connection gets a process and one of the places for
/// associations only when it has asked for an association: who says nothing, or half of it, costs a
/// descriptor and keeps nobody waiting. Their number is bounded; beyond it the oldest one goes,
/// for a sender asks within milliseconds.
class Lobby {
public:
    using Now = std::chrono::steady_clock::time_point;

    /// `capacity`: how many callers at most.
    explicit Lobby(std::size_t capacity) : m_capacity{capacity} {}

    /// After `deadline` the connection is closed.
    void add(Accepted peer, Now deadline);
    /// What to wait for; in the order of the callers.
    [[nodiscard]] std::vector<pollfd> waits() const;
    /// Those whose A-ASSOCIATE-RQ has come (or what is none, TLS say: its reader decides), oldest first;
    /// forgets those who are gone or late. `ready` is what waits() gave, with revents.
    [[nodiscard]] std::vector<Accepted> step(const std::vector<pollfd>& ready, Now now);

private:
    struct Caller {
        Accepted peer;
        Now deadline;
    };

    enum class Request { coming, here, never };
    static Request look(const Caller& caller, bool is_at_end);

    std::size_t m_capacity;
    std::list<Caller> m_callers;
};

} // namespace fiona::pacs
