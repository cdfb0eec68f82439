// SPDX-License-Identifier: MIT
#include "libfiona/redcapd/connection.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace fiona::redcapd {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

namespace {

constexpr milliseconds idle_limit{60'000};
constexpr milliseconds pause_limit{30'000};
constexpr milliseconds request_limit{120'000};
constexpr milliseconds write_limit{120'000};
/// The body may have 32 MiB (http_server.cpp); the rest is for headers and multipart frames.
constexpr std::size_t max_request_bytes = (std::size_t{32} << 20U) + (std::size_t{1} << 20U);

} // namespace

milliseconds Connection::time_left() const
{
    return std::max(milliseconds{0},
                    std::chrono::duration_cast<milliseconds>(m_deadline - steady_clock::now()));
}

bool Connection::wait(short events, milliseconds patience) const
{
    pollfd watched{m_fd.get(), events, 0};
    int ready = 0;
    do {
        ready = ::poll(&watched, 1, static_cast<int>(patience.count()));
    } while (ready < 0 && errno == EINTR);
    return ready > 0;
}

bool Connection::wait_for_request()
{
    m_request_bytes = 0;
    m_deadline = steady_clock::now() + request_limit;
    if (m_begin < m_end) {
        return true;
    }
    std::array<pollfd, 2> watched{{{m_fd.get(), POLLIN, 0}, {m_stop, POLLIN, 0}}};
    int ready = 0;
    do {
        ready = ::poll(watched.data(), watched.size(), static_cast<int>(idle_limit.count()));
    } while (ready < 0 && errno == EINTR);
    if (ready <= 0 || watched[0].revents == 0) {
        return false;
    }
    m_deadline = steady_clock::now() + request_limit;
    const auto got = ::recv(m_fd.get(), m_buffer.data(), m_buffer.size(), 0);
    m_begin = 0;
    m_end = got > 0 ? static_cast<std::size_t>(got) : 0;
    return got > 0;
}

ssize_t Connection::read(char* target, std::size_t size)
{
    if (m_begin == m_end) {
        const auto left = time_left();
        if (left.count() == 0 || !wait(POLLIN, std::min(left, pause_limit))) {
            return -1;
        }
        const auto got = ::recv(m_fd.get(), m_buffer.data(), m_buffer.size(), 0);
        if (got <= 0) {
            return got;
        }
        m_begin = 0;
        m_end = static_cast<std::size_t>(got);
    }
    const auto count = std::min(size, m_end - m_begin);
    m_request_bytes += count;
    if (m_request_bytes > max_request_bytes) {
        return -1;
    }
    std::memcpy(target, m_buffer.data() + m_begin, count);
    m_begin += count;
    return static_cast<ssize_t>(count);
}

ssize_t Connection::write(const char* bytes, std::size_t size)
{
    const auto deadline = steady_clock::now() + write_limit;
    std::size_t done = 0;
    while (!m_muted && done < size) {
        const auto sent =
            ::send(m_fd.get(), bytes + done, size - done, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent >= 0) {
            done += static_cast<std::size_t>(sent);
            continue;
        }
        const auto left = std::chrono::duration_cast<milliseconds>(deadline - steady_clock::now());
        const bool later = errno == EAGAIN || errno == EINTR;
        if (!later || left.count() <= 0 || !wait(POLLOUT, left)) {
            return -1;
        }
    }
    return m_muted ? -1 : static_cast<ssize_t>(size);
}

} // namespace fiona::redcapd
