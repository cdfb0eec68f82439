// SPDX-License-Identifier: MIT
#include "tests/unit/redcap/scripted_server.h"

#include "libfiona/base/text.h"

#include <fmt/format.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <csignal>
#include <cstring>
#include <stdexcept>

using fiona::UniqueFd;

namespace {

template <typename Address>
void bind_to(const UniqueFd& fd, Address& address, socklen_t length)
{
    auto* const generic = reinterpret_cast<sockaddr*>(
        &address); // NOLINT(cppcoreguidelines-pro-type-reinterpret-cast) BSD sockets
    if (::bind(fd.get(), generic, length) != 0 || ::listen(fd.get(), 16) != 0
        || ::getsockname(fd.get(), generic, &length) != 0) {
        throw std::runtime_error{"cannot listen"};
    }
}

bool read_more(int fd, std::string& buffer)
{
    std::array<char, 65536> block{};
    const auto got = ::recv(fd, block.data(), block.size(), 0);
    if (got <= 0) {
        return false;
    }
    buffer.append(block.data(), static_cast<std::size_t>(got));
    return true;
}

} // namespace

ScriptedServer::ScriptedServer(std::vector<std::string> answers, const std::string& unix_socket)
    : m_answers{std::move(answers)}, m_listener{::socket(unix_socket.empty() ? AF_INET : AF_UNIX,
                                                         SOCK_STREAM | SOCK_CLOEXEC, 0)}
{
    std::signal(SIGPIPE, SIG_IGN);
    if (unix_socket.empty()) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = ::htonl(INADDR_LOOPBACK);
        bind_to(m_listener, address, sizeof address);
        m_port = ::ntohs(address.sin_port);
    } else {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        unix_socket.copy(static_cast<char*>(address.sun_path), sizeof address.sun_path - 1);
        bind_to(m_listener, address, sizeof address);
    }
    m_thread = std::jthread{[this](const std::stop_token& stop) { serve(stop); }};
}

ScriptedServer::~ScriptedServer()
{
    m_thread.request_stop();
}

std::string ScriptedServer::url() const
{
    return fmt::format("http://127.0.0.1:{}/api/", m_port);
}

std::vector<std::string> ScriptedServer::requests() const
{
    const std::scoped_lock lock{m_mutex};
    return m_requests;
}

void ScriptedServer::serve(const std::stop_token& stop)
{
    std::vector<std::pair<UniqueFd, std::string>> peers;
    while (!stop.stop_requested()) {
        std::vector<pollfd> items{{m_listener.get(), POLLIN, 0}};
        for (const auto& [fd, buffer] : peers) {
            items.push_back({fd.get(), POLLIN, 0});
        }
        ::poll(items.data(), items.size(), 20);
        for (std::size_t i = items.size() - 1; i > 0; --i) {
            auto& [fd, buffer] = peers[i - 1];
            if (items[i].revents != 0
                && (!read_more(fd.get(), buffer) || !answer_one(fd.get(), buffer))) {
                peers.erase(peers.begin() + static_cast<std::ptrdiff_t>(i) - 1);
            }
        }
        if (items[0].revents != 0) {
            peers.emplace_back(::accept(m_listener.get(), nullptr, nullptr), std::string{});
            ++m_connections;
        }
    }
}

/// False if the connection is to be closed. A request that is not yet complete is left in `buffer`.
bool ScriptedServer::answer_one(int connection, std::string& buffer)
{
    const auto end = buffer.find("\r\n\r\n");
    const auto field = fiona::lower_case(buffer).find("content-length: ");
    if (end == std::string::npos || field == std::string::npos) {
        return true;
    }
    std::size_t length = 0;
    std::from_chars(buffer.data() + field + 16, buffer.data() + end, length);
    if (buffer.size() < end + 4 + length) {
        return true;
    }
    auto body = buffer.substr(end + 4, length);
    buffer.erase(0, end + 4 + length);
    std::string answer;
    {
        const std::scoped_lock lock{m_mutex};
        const auto place = m_requests.size();
        m_requests.push_back(fiona::percent_decoded(body));
        answer = place < m_answers.size() ? m_answers[place] : std::string{};
    }
    if (answer == silence) {
        return true;
    }
    const auto sent = ::send(connection, answer.data(), answer.size(), MSG_NOSIGNAL);
    const bool complete = answer.find("Connection: close") == std::string::npos;
    return sent > 0 && complete;
}

std::string http(int status, std::string_view body, std::string_view headers)
{
    return fmt::format("HTTP/1.1 {} Text\r\nContent-Type: application/json\r\nContent-Length: "
                       "{}\r\n{}\r\n{}",
                       status, body.size(), headers, body);
}

std::string cut_off(std::string_view body, std::size_t missing)
{
    return fmt::format("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{}",
                       body.size(), body.substr(0, body.size() - missing));
}
