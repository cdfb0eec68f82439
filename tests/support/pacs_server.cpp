// SPDX-License-Identifier: MIT
#include "tests/support/pacs_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <stdexcept>
#include <thread>
#include <utility>

namespace fs = std::filesystem;

namespace {

sockaddr_in loopback(std::uint16_t port)
{
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

} // namespace

bool listens(std::uint16_t port)
{
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    auto address = loopback(port);
    const bool connected =
        ::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
    ::close(fd);
    return connected;
}

std::uint16_t unused_port()
{
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    auto address = loopback(0);
    socklen_t length = sizeof address;
    auto* const generic = reinterpret_cast<sockaddr*>(&address);
    const bool bound = ::bind(fd, generic, length) == 0 && ::getsockname(fd, generic, &length) == 0;
    ::close(fd);
    if (!bound) {
        throw std::runtime_error{"no free port"};
    }
    return ntohs(address.sin_port);
}

void wait_for_port(std::uint16_t port, std::chrono::milliseconds patience)
{
    const auto deadline = std::chrono::steady_clock::now() + patience;
    while (!listens(port)) {
        if (std::chrono::steady_clock::now() >= deadline) {
            throw std::runtime_error{"nothing listens on port " + std::to_string(port)};
        }
        std::this_thread::sleep_for(std::chrono::milliseconds{5});
    }
}

PacsServer::PacsServer(const std::map<std::string, std::uint16_t>& destinations,
                       const std::vector<std::string>& options)
    : m_port{unused_port()}
{
    fs::create_directories(storage());
    std::string hosts;
    for (const auto& [title, port] : destinations) {
        hosts += title + " = (" + title + ", 127.0.0.1, " + std::to_string(port) + ")\n";
    }
    const auto file = m_directory / "dcmqrscp.cfg";
    std::ofstream{file} << "NetworkTCPPort = " << m_port << "\nMaxPDUSize = 16384\n"
                        << "MaxAssociations = 16\n"
                        << "HostTable BEGIN\n"
                        << hosts << "HostTable END\nVendorTable BEGIN\nVendorTable END\n"
                        << "AETable BEGIN\n"
                        << aet() << " " << storage().native() << " RW (1000, 1024mb) ANY\n"
                        << "AETable END\n";
    std::vector<std::string> words{"dcmqrscp", "-c", file.native()};
    words.insert(words.end(), options.begin(), options.end());
    words.push_back(std::to_string(m_port));
    m_process.emplace(words, m_directory / "process");
    wait_for_port(m_port);
}

fiona::pacs::Peer PacsServer::peer() const
{
    return {"127.0.0.1", m_port, aet(), "FIONA", std::chrono::seconds{10}};
}

std::vector<fs::path> PacsServer::files() const
{
    std::vector<fs::path> found;
    for (const auto& entry : fs::directory_iterator{storage()}) {
        if (entry.path().filename() != "index.dat") {
            found.push_back(entry.path());
        }
    }
    std::ranges::sort(found);
    return found;
}
