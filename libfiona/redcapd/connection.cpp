// SPDX-License-Identifier: MIT
#include "libfiona/redcapd/connection.h"

#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace fiona::redcapd {

using std::chrono::milliseconds;
using std::chrono::steady_clock;
using Result = Step::Result;

namespace {

constexpr milliseconds head_limit{30'000};
constexpr milliseconds pause_limit{30'000};
constexpr milliseconds body_limit{120'000};
constexpr milliseconds write_limit{120'000};
constexpr std::size_t max_head_bytes = std::size_t{16} << 10U;
/// The body may have 32 MiB (http_server.cpp); the rest is for the frames of multipart.
constexpr std::size_t max_body_bytes = (std::size_t{32} << 20U) + (std::size_t{1} << 20U);

milliseconds left_until(steady_clock::time_point deadline)
{
    return std::max(milliseconds{0},
                    std::chrono::duration_cast<milliseconds>(deadline - steady_clock::now()));
}

} // namespace

Connection::Connection(std::unique_ptr<Transport> transport, std::string peer)
    : m_transport{std::move(transport)}, m_peer{std::move(peer)}
{
}

bool Connection::wait(Result wanted, milliseconds patience) const
{
    const short events = wanted == Result::want_write ? POLLOUT : POLLIN;
    pollfd watched{fd(), events, 0};
    int ready = 0;
    do {
        ready = ::poll(&watched, 1, static_cast<int>(patience.count()));
    } while (ready < 0 && errno == EINTR);
    return ready > 0;
}

bool Connection::shake_hands()
{
    for (;;) {
        const auto step = m_transport->handshake();
        if (step.result == Result::done) {
            m_secure = true;
            return true;
        }
        const auto left = left_until(m_deadline);
        if (step.result == Result::broken || left.count() == 0 || !wait(step.result, left)) {
            return false;
        }
    }
}

Step Connection::fill()
{
    for (;;) {
        const auto step = m_transport->read(m_buffer);
        if (step.result == Result::done) {
            m_begin = 0;
            m_end = step.bytes;
            return step;
        }
        const auto left = left_until(m_deadline);
        if (step.result == Result::broken || left.count() == 0
            || !wait(step.result, std::min(left, pause_limit))) {
            return {Result::broken, 0};
        }
    }
}

bool Connection::begin_request()
{
    m_request_bytes = 0;
    m_allowed_bytes = max_head_bytes;
    m_deadline = steady_clock::now() + head_limit;
    if (!m_secure && !shake_hands()) {
        return false;
    }
    return has_bytes() || (fill().result == Result::done && has_bytes());
}

void Connection::begin_body()
{
    m_deadline = steady_clock::now() + body_limit;
    m_request_bytes = 0;
    m_allowed_bytes = max_body_bytes;
}

ssize_t Connection::read(char* target, std::size_t size)
{
    if (!has_bytes()) {
        const auto step = fill();
        if (step.result != Result::done) {
            return -1;
        }
        if (step.bytes == 0) {
            return 0;
        }
    }
    const auto count = std::min(size, m_end - m_begin);
    m_request_bytes += count;
    if (m_request_bytes > m_allowed_bytes || steady_clock::now() > m_deadline) {
        return -1;
    }
    std::memcpy(target, m_buffer.data() + m_begin, count);
    m_begin += count;
    return static_cast<ssize_t>(count);
}

ssize_t Connection::write(const char* bytes, std::size_t size)
{
    const auto deadline = steady_clock::now() + write_limit;
    std::string_view rest{bytes, size};
    while (!m_muted && !rest.empty()) {
        const auto step = m_transport->write(rest);
        if (step.result == Result::done) {
            rest.remove_prefix(step.bytes);
            continue;
        }
        const auto left = left_until(deadline);
        if (step.result == Result::broken || left.count() == 0 || !wait(step.result, left)) {
            return -1;
        }
    }
    return m_muted ? -1 : static_cast<ssize_t>(size);
}

} // namespace fiona::redcapd
