// SPDX-License-Identifier: MIT
#include "libfiona/site/ports.h"

#include "libfiona/base/error.h"
#include "libfiona/base/unique_fd.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <random>

namespace fiona::site {

namespace {

// The one cast that the sockets interface asks for.
sockaddr* generic(sockaddr_in& address)
{
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast) the sockets API
    return reinterpret_cast<sockaddr*>(&address);
}

// Below those that the kernel gives to outgoing connections (net.ipv4.ip_local_port_range, from 32768):
// any program that connects somewhere could have one of these before the daemon starts.
constexpr std::uint16_t first_port = 15000;
constexpr std::uint16_t last_port = 32000;
constexpr int most_attempts = 1000;

} // namespace

std::vector<std::uint16_t> free_loopback_ports(std::size_t count)
{
    std::vector<UniqueFd> sockets; // all open until the end, so that no port comes twice
    std::vector<std::uint16_t> ports;
    std::random_device random;
    std::uniform_int_distribution<std::uint16_t> any{first_port, last_port};
    for (int attempt = 0; ports.size() < count; ++attempt) {
        UniqueFd fd{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
        if (!fd) {
            throw os_error(errno, "find a free port");
        }
        const auto port = any(random);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(port);
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        if (::bind(fd.get(), generic(address), sizeof address) == 0) {
            ports.push_back(port);
            sockets.push_back(std::move(fd));
        } else if (errno != EADDRINUSE || attempt == most_attempts) {
            throw os_error(errno, "find a free port");
        }
    }
    return ports;
}

} // namespace fiona::site
