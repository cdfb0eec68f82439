// SPDX-License-Identifier: MIT
#include "libfiona/pacs/receiver_listener.h"

#include "libfiona/base/error.h"

#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <memory>

namespace fiona::pacs {

namespace {

using Addresses = std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)>;

Addresses resolve(const std::string& address, std::uint16_t port)
{
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_PASSIVE | AI_NUMERICHOST | AI_NUMERICSERV;
    addrinfo* found = nullptr;
    const auto service = std::to_string(port);
    if (::getaddrinfo(address.c_str(), service.c_str(), &hints, &found) != 0) {
        throw Error{Fault::config, "RECEIVER.bind: {} is no numeric address", address};
    }
    return {found, ::freeaddrinfo};
}

Error bind_error(int reason, const std::string& address, std::uint16_t port)
{
    switch (reason) {
    case EADDRINUSE:
        return Error{Fault::temporary, "port {} of {} is in use by another program", port, address};
    case EADDRNOTAVAIL:
        return Error{Fault::config, "RECEIVER.bind: {} is no address of this machine", address};
    case EACCES:
        return Error{Fault::permission, "port {} needs more rights than this user has", port};
    default: return os_error(reason, fmt::format("listen on port {}", port));
    }
}

std::uint16_t port_of(const sockaddr_storage& address)
{
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast) the sockets API
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(address);
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast) the sockets API
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address);
    return ntohs(address.ss_family == AF_INET6 ? v6.sin6_port : v4.sin_port);
}

/// ::ffff:10.0.0.5 is 10.0.0.5 to people and to the tables of hosts.
std::string plain(std::string_view numeric)
{
    constexpr std::string_view mapped = "::ffff:";
    if (numeric.starts_with(mapped) && numeric.find('.') != std::string_view::npos) {
        numeric.remove_prefix(mapped.size());
    }
    return std::string{numeric};
}

} // namespace

Listener::Listener(const std::string& address, std::uint16_t port)
{
    const auto addresses = resolve(address, port);
    m_fd = UniqueFd{::socket(addresses->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
    const int on = 1;
    if (!m_fd || ::setsockopt(m_fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0) {
        throw os_error(errno, "make a socket");
    }
    if (::bind(m_fd.get(), addresses->ai_addr, addresses->ai_addrlen) != 0
        || ::listen(m_fd.get(), SOMAXCONN) != 0) {
        throw bind_error(errno, address, port);
    }
    sockaddr_storage own{};
    socklen_t length = sizeof own;
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast) the sockets API
    auto* const generic = reinterpret_cast<sockaddr*>(&own);
    if (::getsockname(m_fd.get(), generic, &length) != 0) {
        throw os_error(errno, "ask for the own port");
    }
    m_port = port_of(own);
}

std::optional<Accepted> Listener::accept() const
{
    sockaddr_storage peer{};
    socklen_t length = sizeof peer;
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast) the sockets API
    auto* const generic = reinterpret_cast<sockaddr*>(&peer);
    UniqueFd socket{::accept4(m_fd.get(), generic, &length, SOCK_CLOEXEC)};
    if (!socket) {
        return std::nullopt;
    }
    std::array<char, NI_MAXHOST> text{};
    if (::getnameinfo(generic, length, text.data(), text.size(), nullptr, 0, NI_NUMERICHOST) != 0) {
        return std::nullopt;
    }
    return Accepted{std::move(socket), plain(text.data())};
}

} // namespace fiona::pacs
