// SPDX-License-Identifier: MIT
#include "libfiona/site/ports.h"

#include "libfiona/base/error.h"
#include "libfiona/base/unique_fd.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>

namespace fiona::site {

namespace {

// The one cast that the sockets interface asks for.
sockaddr* generic(sockaddr_in& address)
{
    return reinterpret_cast<sockaddr*>(
        &address); // NOLINT(cppcoreguidelines-pro-type-reinterpret-cast) sockets API
}

} // namespace

std::vector<std::uint16_t> free_loopback_ports(std::size_t count)
{
    std::vector<UniqueFd> sockets; // all open until the end, so that no port comes twice
    std::vector<std::uint16_t> ports;
    for (std::size_t i = 0; i < count; ++i) {
        UniqueFd fd{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        if (!fd || ::bind(fd.get(), generic(address), size) != 0
            || ::getsockname(fd.get(), generic(address), &size) != 0) {
            throw os_error(errno, "find a free port");
        }
        ports.push_back(ntohs(address.sin_port));
        sockets.push_back(std::move(fd));
    }
    return ports;
}

} // namespace fiona::site
