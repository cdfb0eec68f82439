// SPDX-License-Identifier: MIT
#include "libfiona/pacs/receiver_host.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstring>
#include <string_view>

namespace fiona::pacs {

namespace {

constexpr unsigned longest_lookup_seconds = 5; // then the helper dies by its alarm

std::string short_name(const std::string& address)
{
    sockaddr_storage storage{};
    socklen_t length = 0;
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast) the sockets API
    auto* const v4 = reinterpret_cast<sockaddr_in*>(&storage);
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast) the sockets API
    auto* const v6 = reinterpret_cast<sockaddr_in6*>(&storage);
    if (::inet_pton(AF_INET, address.c_str(), &v4->sin_addr) == 1) {
        storage.ss_family = AF_INET;
        length = sizeof *v4;
    } else if (::inet_pton(AF_INET6, address.c_str(), &v6->sin6_addr) == 1) {
        storage.ss_family = AF_INET6;
        length = sizeof *v6;
    } else {
        return {};
    }
    std::array<char, NI_MAXHOST> name{};
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast) the sockets API
    const auto* const generic = reinterpret_cast<const sockaddr*>(&storage);
    if (::getnameinfo(generic, length, name.data(), name.size(), nullptr, 0, NI_NAMEREQD) != 0) {
        return {};
    }
    const std::string_view full{name.data()};
    return std::string{full.substr(0, full.find('.'))};
}

[[noreturn]] void look_up(const std::string& address, int answer)
{
    static_cast<void>(std::signal(SIGALRM, SIG_DFL));
    sigset_t none;
    ::sigemptyset(&none);
    ::pthread_sigmask(SIG_SETMASK, &none, nullptr);
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::alarm(longest_lookup_seconds);
    const auto name = short_name(address);
    // Nobody may be waiting any more.
    static_cast<void>(::write(answer, name.data(), name.size()) == 0);
    ::_exit(0);
}

} // namespace

HostLookup::HostLookup(const std::string& address)
{
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) != 0) {
        return; // no name then
    }
    m_answer = UniqueFd{ends[0]};
    const UniqueFd write_end{ends[1]};
    const auto parent_stays = ::fork();
    if (parent_stays == 0) {
        // Only the pipe: above all not the association's socket, which must close with its owner.
        ::dup2(write_end.get(), 3);
        ::close_range(4, ~0U, 0);
        look_up(address, 3);
    }
}

std::optional<std::string>
HostLookup::wait_until(std::chrono::steady_clock::time_point deadline) const
{
    using std::chrono::milliseconds;
    if (!m_answer) {
        return std::nullopt;
    }
    const auto left =
        std::chrono::duration_cast<milliseconds>(deadline - std::chrono::steady_clock::now());
    pollfd one{m_answer.get(), POLLIN, 0};
    const int wait = static_cast<int>(std::max<std::int64_t>(left.count(), 0));
    if (::poll(&one, 1, wait) <= 0) {
        return std::nullopt;
    }
    std::array<char, NI_MAXHOST> name{};
    const auto got = ::read(m_answer.get(), name.data(), name.size());
    return got > 0 ? std::optional{std::string{name.data(), static_cast<std::size_t>(got)}}
                   : std::nullopt;
}

} // namespace fiona::pacs
