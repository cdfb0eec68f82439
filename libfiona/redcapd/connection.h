// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/redcapd/transport.h"

#include <sys/types.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <memory>
#include <string>

namespace fiona::redcapd {

/// One accepted connection: buffered reading, and limits on time and size that a slow or endless
/// sender meets.
class Connection {
public:
    Connection(std::unique_ptr<Transport> transport, std::string peer);

    /// Call when the socket is readable: takes what is there for the next request, under TLS after
    /// the handshake. False: closed, or no request came within 30 s.
    [[nodiscard]] bool begin_request();
    /// The next request has begun to arrive already.
    [[nodiscard]] bool has_bytes() const { return m_begin < m_end; }
    /// The head of the request is complete; what follows is the body, which may be larger.
    void begin_body();

    /// As read(2), for one request: -1 after a pause, or if it is too long or too large.
    [[nodiscard]] ssize_t read(char* target, std::size_t size);
    /// All of it, or -1.
    [[nodiscard]] ssize_t write(const char* bytes, std::size_t size);

    [[nodiscard]] int fd() const { return m_transport->fd(); }
    /// The numeric address of the client, "local" on a UNIX socket.
    [[nodiscard]] const std::string& peer() const { return m_peer; }
    /// From now on nothing is written: the peer sees a connection that ends without an answer.
    void mute() { m_muted = true; }

private:
    using Time = std::chrono::steady_clock::time_point;
    /// Waits for what `step` wants. False: not in time.
    [[nodiscard]] bool wait(Step::Result wanted, std::chrono::milliseconds patience) const;
    [[nodiscard]] bool shake_hands();
    [[nodiscard]] Step fill();

    std::unique_ptr<Transport> m_transport;
    std::string m_peer;
    std::array<char, 16384> m_buffer{};
    std::size_t m_begin = 0;
    std::size_t m_end = 0;
    std::size_t m_request_bytes = 0;
    std::size_t m_allowed_bytes = 0;
    Time m_deadline;
    bool m_secure = false;
    bool m_muted = false;
};

} // namespace fiona::redcapd
