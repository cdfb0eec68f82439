// SPDX-License-Identifier: MIT
#include "libfiona/redcapd/connections.h"

#include "libfiona/base/error.h"
#include "libfiona/base/log.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <thread>
#include <utility>

namespace fiona::redcapd {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

namespace {

constexpr milliseconds idle_limit{60'000};
constexpr milliseconds shortage_pause{100}; // of descriptors or memory: not for ever

std::string peer_name(const sockaddr_storage& address)
{
    std::array<char, INET6_ADDRSTRLEN> text{};
    if (address.ss_family == AF_INET) {
        sockaddr_in v4{};
        std::memcpy(&v4, &address, sizeof v4);
        ::inet_ntop(AF_INET, &v4.sin_addr, text.data(), text.size());
        return text.data();
    }
    if (address.ss_family == AF_INET6) {
        sockaddr_in6 v6{};
        std::memcpy(&v6, &address, sizeof v6);
        ::inet_ntop(AF_INET6, &v6.sin6_addr, text.data(), text.size());
        return text.data();
    }
    return "local";
}

bool is_passing(int problem)
{
    return problem == EMFILE || problem == ENFILE || problem == ENOBUFS || problem == ENOMEM;
}

/// accept(2) reports what happened to that one client, too.
bool is_fatal(int problem)
{
    return problem == EBADF || problem == EINVAL || problem == ENOTSOCK || problem == EOPNOTSUPP;
}

} // namespace

Connections::Connections(int listener, std::size_t max_connections, Wrap wrap, Serve serve)
    : m_listener{listener}, m_max{max_connections}, m_wrap{std::move(wrap)}, m_serve{std::move(
                                                                                 serve)},
      m_wake{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)}, m_threads{max_connections}
{
    if (!m_wake) {
        throw os_error(errno, "make an event descriptor");
    }
}

void Connections::end()
{
    {
        const std::scoped_lock lock{m_mutex};
        m_ending = true;
    }
    static_cast<void>(::eventfd_write(m_wake.get(), 1));
}

void Connections::run()
{
    for (;;) {
        std::vector<pollfd> watched{{m_wake.get(), POLLIN, 0}, {m_listener, POLLIN, 0}};
        {
            const std::scoped_lock lock{m_mutex};
            if (m_ending) {
                break;
            }
            if (m_working >= m_max) {
                watched[1].fd = -1; // poll(2) passes it over
            }
        }
        for (const auto& idle : m_idle) {
            watched.push_back({idle.connection->fd(), POLLIN, 0});
        }
        const int ready = ::poll(watched.data(), watched.size(), patience());
        if (ready < 0 && errno != EINTR) {
            throw os_error(errno, "wait for requests");
        }
        if (ready > 0) {
            auto at = watched.begin() + 2;
            for (auto idle = m_idle.begin(); idle != m_idle.end(); ++at) {
                if (at->revents == 0) {
                    ++idle;
                    continue;
                }
                start(std::move(idle->connection));
                idle = m_idle.erase(idle);
            }
            if (watched[1].revents != 0) {
                accept_one();
            }
        }
        take_back();
        close_expired();
    }
    m_idle.clear();
    m_threads.finish();
    m_back.clear();
}

int Connections::patience() const
{
    if (m_idle.empty()) {
        return -1;
    }
    const auto left = std::chrono::duration_cast<milliseconds>(m_idle.front().since + idle_limit
                                                               - steady_clock::now());
    return static_cast<int>(std::max(milliseconds{0}, left).count()) + 1;
}

void Connections::take_back()
{
    eventfd_t count = 0;
    static_cast<void>(::eventfd_read(m_wake.get(), &count));
    const std::scoped_lock lock{m_mutex};
    for (auto& connection : m_back) {
        m_idle.push_back({std::move(connection), steady_clock::now()});
    }
    m_back.clear();
}

void Connections::close_expired()
{
    const auto oldest = steady_clock::now() - idle_limit;
    while (!m_idle.empty() && m_idle.front().since <= oldest) {
        m_idle.pop_front();
    }
}

void Connections::accept_one()
{
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast) the sockets API
    UniqueFd fd{::accept4(m_listener, reinterpret_cast<sockaddr*>(&address), &size,
                          SOCK_CLOEXEC | SOCK_NONBLOCK)};
    if (!fd) {
        const int problem = errno;
        if (is_fatal(problem)) {
            throw os_error(problem, "accept a connection");
        }
        if (is_passing(problem)) {
            log::warn("connection_refused",
                      {{"reason", os_error(problem, "accept a connection").what()}});
            if (!m_idle.empty()) {
                m_idle.pop_front(); // its descriptor is what was missing
            } else {
                std::this_thread::sleep_for(shortage_pause);
            }
        }
        return;
    }
    const int on = 1; // no effect on a UNIX socket
    static_cast<void>(::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on));
    std::size_t working = 0;
    {
        const std::scoped_lock lock{m_mutex};
        working = m_working + m_back.size();
    }
    if (!m_idle.empty() && m_idle.size() + working >= m_max) {
        m_idle.pop_front();
    }
    auto connection = std::make_unique<Connection>(m_wrap(std::move(fd)), peer_name(address));
    m_idle.push_back({std::move(connection), steady_clock::now()});
}

void Connections::start(std::unique_ptr<Connection> connection)
{
    {
        const std::scoped_lock lock{m_mutex};
        ++m_working;
    }
    // std::function must be copyable; the connection is not.
    m_threads.add([this, shared = std::make_shared<std::unique_ptr<Connection>>(
                             std::move(connection))] { serve(std::move(*shared)); });
}

void Connections::serve(std::unique_ptr<Connection> connection)
{
    bool keep = false;
    do {
        keep = connection->begin_request() && m_serve(*connection);
        const std::scoped_lock lock{m_mutex};
        keep = keep && !m_ending;
    } while (keep && connection->has_bytes());
    if (!keep) {
        connection.reset(); // says goodbye to the peer, outside of the lock
    }
    {
        const std::scoped_lock lock{m_mutex};
        --m_working;
        if (connection) {
            m_back.push_back(std::move(connection));
        }
    }
    static_cast<void>(::eventfd_write(m_wake.get(), 1));
}

} // namespace fiona::redcapd
