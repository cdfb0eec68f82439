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

    /// What a request is: an A-ASSOCIATE-RQ, or the first record of a TLS handshake.
    enum class Protocol { dicom, tls };
    /// `capacity`: how many callers at most.
    Lobby(std::size_t capacity, Protocol protocol) : m_capacity{capacity}, m_protocol{protocol} {}

    /// After `deadline` the connection is closed.
    void add(Accepted peer, Now deadline);
    /// What to wait for; in the order of the callers.
    [[nodiscard]] std::vector<pollfd> waits() const;
    /// Those whose request has come (or what is none: its reader decides), oldest first;
    /// forgets those who are gone or late. `ready` is what waits() gave, with revents.
    [[nodiscard]] std::vector<Accepted> step(const std::vector<pollfd>& ready, Now now);

private:
    struct Caller {
        Accepted peer;
        Now deadline;
    };

    enum class Request { coming, here, never };
    [[nodiscard]] Request look(const Caller& caller, bool is_at_end) const;

    std::size_t m_capacity;
    Protocol m_protocol;
    std::list<Caller> m_callers;
};

/// Raises the soft limit of descriptors to the hard one and says what share of it a lobby may take: a
/// crowd of callers must not take what files and pipes need.
[[nodiscard]] std::size_t lobby_capacity();

} // namespace fiona::pacs
