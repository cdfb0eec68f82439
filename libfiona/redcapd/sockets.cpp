// SPDX-License-Identifier: MIT
#include "libfiona/redcapd/sockets.h"

#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/base/number.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cerrno>
#include <cstring>

namespace fiona::redcapd {

namespace fs = std::filesystem;

namespace {

constexpr int backlog = 512;

/// The socket functions take every kind of address by one pointer type.
template <typename Address>
sockaddr* generic(Address& address)
{
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast) the sockets API
    return reinterpret_cast<sockaddr*>(&address);
}

UniqueFd new_socket(int family)
{
    UniqueFd fd{::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    if (!fd) {
        throw os_error(errno, "make a socket");
    }
    return fd;
}

void bind_and_listen(const UniqueFd& fd, sockaddr* address, socklen_t size, const std::string& name)
{
    if (::bind(fd.get(), address, size) != 0) {
        if (errno == EADDRINUSE) {
            throw Error{Fault::temporary, "{} is in use by another server", name};
        }
        throw os_error(errno, fmt::format("bind to {}", name));
    }
    if (::listen(fd.get(), backlog) != 0) {
        throw os_error(errno, fmt::format("listen on {}", name));
    }
    // A client may be gone between poll(2) and accept(2).
    if (::fcntl(fd.get(), F_SETFL, O_NONBLOCK) != 0) {
        throw os_error(errno, fmt::format("listen on {}", name));
    }
}

std::uint16_t parse_port(std::string_view text, const std::string& address)
{
    const auto port = read_number<std::uint16_t>(text);
    if (!port) {
        throw Error{Fault::config, "listen address {}: must be ADDRESS:PORT", address};
    }
    return *port;
}

[[noreturn]] void refuse_address(const std::string& address)
{
    throw Error{Fault::config,
                "listen address {}: must be a numeric address; plain HTTP is for 127.0.0.0/8 and "
                "[::1] only, other machines need --cert and --key",
                address};
}

TcpListener listen_v4(const std::string& host, std::uint16_t port, const std::string& address,
                      Reach reach)
{
    sockaddr_in place{};
    place.sin_family = AF_INET;
    place.sin_port = htons(port);
    if (::inet_pton(AF_INET, host.c_str(), &place.sin_addr) != 1
        || (reach == Reach::loopback && (ntohl(place.sin_addr.s_addr) >> 24U) != 127)) {
        refuse_address(address);
    }
    auto fd = new_socket(AF_INET);
    const int on = 1; // a restart must not wait for old connections to be forgotten
    static_cast<void>(::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on));
    static_cast<void>(::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on));
    bind_and_listen(fd, generic(place), sizeof place, address);
    socklen_t size = sizeof place;
    static_cast<void>(::getsockname(fd.get(), generic(place), &size));
    return {std::move(fd), fmt::format("{}:{}", host, ntohs(place.sin_port))};
}

TcpListener listen_v6(const std::string& host, std::uint16_t port, const std::string& address,
                      Reach reach)
{
    sockaddr_in6 place{};
    place.sin6_family = AF_INET6;
    place.sin6_port = htons(port);
    if (::inet_pton(AF_INET6, host.c_str(), &place.sin6_addr) != 1
        || (reach == Reach::loopback
            && std::memcmp(&place.sin6_addr, &in6addr_loopback, sizeof in6addr_loopback) != 0)) {
        refuse_address(address);
    }
    auto fd = new_socket(AF_INET6);
    const int on = 1;
    static_cast<void>(::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on));
    static_cast<void>(::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on));
    bind_and_listen(fd, generic(place), sizeof place, address);
    socklen_t size = sizeof place;
    static_cast<void>(::getsockname(fd.get(), generic(place), &size));
    return {std::move(fd), fmt::format("[{}]:{}", host, ntohs(place.sin6_port))};
}

} // namespace

TcpListener listen_on_tcp(const std::string& address, Reach reach)
{
    const auto colon = address.rfind(':');
    if (colon == std::string::npos) {
        throw Error{Fault::config, "listen address {}: must be ADDRESS:PORT", address};
    }
    const auto port = parse_port(std::string_view{address}.substr(colon + 1), address);
    auto host = address.substr(0, colon);
    if (host == "localhost") {
        host = "127.0.0.1";
    }
    if (host.starts_with('[') && host.ends_with(']')) {
        return listen_v6(host.substr(1, host.size() - 2), port, address, reach);
    }
    return listen_v4(host, port, address, reach);
}

UniqueFd listen_on_socket(const fs::path& path)
{
    sockaddr_un place{};
    place.sun_family = AF_UNIX;
    const auto& name = path.native();
    if (name.empty() || name.size() >= sizeof place.sun_path) {
        throw Error{Fault::config, "socket path {}: must have 1 to {} bytes", name,
                    sizeof place.sun_path - 1};
    }
    name.copy(place.sun_path, name.size());
    if (const auto status = fs::symlink_status(path); fs::exists(status)) {
        if (!fs::is_socket(status)) {
            throw Error{Fault::config, "{} is there and is not a socket", name};
        }
        const auto probe = new_socket(AF_UNIX);
        if (::connect(probe.get(), generic(place), sizeof place) == 0) {
            throw Error{Fault::temporary, "{} is in use by another server", name};
        }
        fs::remove(path);
    }
    if (path.has_parent_path()) {
        make_directories(path.parent_path());
    }
    auto fd = new_socket(AF_UNIX);
    // bind() makes the file: with no bit for others at any moment. No thread runs yet.
    const auto old_mask = ::umask(0117);
    try {
        bind_and_listen(fd, generic(place), sizeof place, name);
    } catch (...) {
        ::umask(old_mask);
        throw;
    }
    ::umask(old_mask);
    return fd;
}

} // namespace fiona::redcapd
