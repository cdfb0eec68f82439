// SPDX-License-Identifier: MIT
#include "libfiona/pacs/receiver_lobby.h"

#include "libfiona/base/log.h"

#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace fiona::pacs {

namespace {

constexpr unsigned char associate_request = 1; // PS3.8 §9.3.2: type, reserved, length
constexpr std::size_t header_bytes = 6;
// Of a request longer than this the beginning is enough: the kernel must hold what we wait for.
constexpr std::uint64_t longest_wait_bytes = 65536;

/// poll(2) says that a socket is readable only when it holds so many bytes.
void wake_at(int socket, std::uint64_t bytes)
{
    const int count = static_cast<int>(bytes);
    static_cast<void>(::setsockopt(socket, SOL_SOCKET, SO_RCVLOWAT, &count, sizeof count));
}

void log_gone(const Accepted& peer, std::string_view reason)
{
    log::info("association_not_requested", {{"address", peer.address}, {"reason", reason}});
}

} // namespace

void Lobby::add(Accepted peer, Now deadline)
{
    if (!m_callers.empty() && m_callers.size() >= m_capacity) {
        log_gone(m_callers.front().peer, "too many silent connections");
        m_callers.pop_front();
    }
    m_callers.push_back({std::move(peer), deadline});
}

std::vector<pollfd> Lobby::waits() const
{
    std::vector<pollfd> waits;
    waits.reserve(m_callers.size());
    for (const auto& caller : m_callers) {
        waits.push_back({caller.peer.socket.get(), POLLIN | POLLRDHUP, 0});
    }
    return waits;
}

Lobby::Request Lobby::look(const Caller& caller, bool is_at_end)
{
    const int socket = caller.peer.socket.get();
    std::array<unsigned char, header_bytes> head{};
    const auto got = ::recv(socket, head.data(), head.size(), MSG_PEEK | MSG_DONTWAIT);
    if (got <= 0) {
        const bool is_nothing_yet = got < 0 && (errno == EAGAIN || errno == EINTR);
        return is_nothing_yet && !is_at_end ? Request::coming : Request::never;
    }
    std::uint64_t needed = header_bytes;
    if (head.front() == associate_request && static_cast<std::size_t>(got) == header_bytes) {
        needed += std::uint64_t{head[2]} << 24U | std::uint64_t{head[3]} << 16U
                  | std::uint64_t{head[4]} << 8U | std::uint64_t{head[5]};
        needed = std::min(needed, longest_wait_bytes);
    }
    int there = 0;
    const bool is_known = ::ioctl(socket, FIONREAD, &there) == 0;
    if (head.front() != associate_request || !is_known
        || static_cast<std::uint64_t>(there) >= needed) {
        wake_at(socket, 1);
        return Request::here;
    }
    wake_at(socket, needed);
    return is_at_end ? Request::never : Request::coming;
}

std::vector<Accepted> Lobby::step(const std::vector<pollfd>& ready, Now now)
{
    std::vector<Accepted> asking;
    auto event = ready.begin();
    for (auto caller = m_callers.begin(); caller != m_callers.end();) {
        auto request = Request::coming;
        if (event != ready.end()) { // callers added since are behind all that were polled
            constexpr int end = POLLRDHUP | POLLHUP | POLLERR;
            request = event->revents != 0 ? look(*caller, (event->revents & end) != 0) : request;
            ++event;
        }
        if (request == Request::here) {
            asking.push_back(std::move(caller->peer));
        } else if (request == Request::never) {
            log_gone(caller->peer, "gone before it asked");
        } else if (now >= caller->deadline) {
            log_gone(caller->peer, "no request in time");
        } else {
            ++caller;
            continue;
        }
        caller = m_callers.erase(caller);
    }
    return asking;
}

} // namespace fiona::pacs
