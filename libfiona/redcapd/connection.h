// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/unique_fd.h"

#include <sys/types.h>

#include <array>
#include <chrono>
#include <cstddef>

namespace fiona::redcapd {

/// One accepted connection: buffered reading, and limits on time and size that a slow or endless
/// sender meets.
class Connection {
public:
    /// `stop`: becomes readable when the server shall end.
    Connection(UniqueFd fd, int stop) : m_fd{std::move(fd)}, m_stop{stop} {}

    /// Waits for the first byte of the next request. False: closed, silent too long, or stopping.
    [[nodiscard]] bool wait_for_request();

    /// As read(2), for one request: -1 after a pause or a request that is too long or too large.
    [[nodiscard]] ssize_t read(char* target, std::size_t size);
    /// All of it, or -1.
    [[nodiscard]] ssize_t write(const char* bytes, std::size_t size);

    [[nodiscard]] int fd() const { return m_fd.get(); }
    /// From now on nothing is written: the peer sees a connection that ends without an answer.
    void mute() { m_muted = true; }

private:
    [[nodiscard]] bool wait(short events, std::chrono::milliseconds patience) const;
    [[nodiscard]] std::chrono::milliseconds time_left() const;

    UniqueFd m_fd;
    int m_stop;
    std::array<char, 16384> m_buffer{};
    std::size_t m_begin = 0;
    std::size_t m_end = 0;
    std::size_t m_request_bytes = 0;
    std::chrono::steady_clock::time_point m_deadline;
    bool m_muted = false;
};

} // namespace fiona::redcapd
