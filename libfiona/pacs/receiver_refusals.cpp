// SPDX-License-Identifier: MIT
#include "libfiona/pacs/receiver_refusals.h"

#include "libfiona/base/log.h"
#include "libfiona/base/text.h"
#include "libfiona/pacs/receiver_peer.h"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace fiona::pacs {

namespace {

constexpr std::size_t max_callers = 512; // half of the descriptors a process usually has
// PS3.8 §9.3.2: type, reserved, length, protocol version, reserved, called and calling AE title.
constexpr std::size_t header_bytes = 6;
constexpr std::size_t called_at = 10;
constexpr std::size_t calling_at = 26;
constexpr std::size_t head_bytes = 42;
constexpr std::size_t title_bytes = 16;
constexpr std::uint64_t longest_request = std::uint64_t{1} << 20U;

std::string title(const std::vector<unsigned char>& head, std::size_t at)
{
    const auto first = head.begin() + static_cast<std::ptrdiff_t>(at);
    const std::string raw{first, first + static_cast<std::ptrdiff_t>(title_bytes)};
    return printable(trimmed(raw));
}

/// How long the request is with its header; 0 while that is not known.
std::uint64_t request_bytes(const std::vector<unsigned char>& head)
{
    if (head.size() < header_bytes) {
        return 0;
    }
    const auto length = std::uint64_t{head[2]} << 24U | std::uint64_t{head[3]} << 16U
                        | std::uint64_t{head[4]} << 8U | std::uint64_t{head[5]};
    return header_bytes + length;
}

} // namespace

void Refusals::add(Accepted peer, const Rejection& rejection, Now deadline)
{
    ++m_count;
    if (m_callers.size() >= max_callers) {
        make_room();
    }
    if (m_callers.size() >= max_callers) {
        log::warn("association_refused", {{"address", peer.address}, {"reason", "flood"}});
        return; // closes it
    }
    m_callers.push_back({std::move(peer), rejection, deadline, {}, 0, false});
    advance(m_callers.back()); // usually the request is there already
}

/// Who has its answer may be forgotten before it hangs up: it read it, or its kernel holds it.
void Refusals::make_room()
{
    const auto done =
        std::ranges::find_if(m_callers, [](const Caller& caller) { return caller.answered; });
    if (done != m_callers.end()) {
        m_callers.erase(done);
    }
}

/// Reads what has come and answers a whole request; false at the end of the connection.
bool Refusals::advance(Caller& caller)
{
    const bool is_open = read_more(caller);
    const auto whole = request_bytes(caller.head);
    if (is_open && !caller.answered && whole != 0 && caller.seen >= whole) {
        answer(caller);
    }
    return is_open;
}

std::vector<pollfd> Refusals::waits() const
{
    std::vector<pollfd> waits;
    waits.reserve(m_callers.size());
    for (const auto& caller : m_callers) {
        waits.push_back({caller.peer.socket.get(), POLLIN, 0});
    }
    return waits;
}

/// False at the end of the connection.
bool Refusals::read_more(Caller& caller)
{
    std::array<unsigned char, 4096> block{};
    const auto got = ::recv(caller.peer.socket.get(), block.data(), block.size(), MSG_DONTWAIT);
    if (got <= 0) {
        return got < 0 && (errno == EAGAIN || errno == EINTR);
    }
    const auto count = static_cast<std::size_t>(got);
    const auto wanted = std::min(count, head_bytes - std::min(head_bytes, caller.head.size()));
    caller.head.insert(caller.head.end(), block.begin(),
                       block.begin() + static_cast<std::ptrdiff_t>(wanted));
    caller.seen += count;
    return caller.seen <= longest_request;
}

void Refusals::answer(Caller& caller)
{
    const auto& rejection = caller.rejection;
    const std::array<unsigned char, 10> pdu{
        3, 0, 0, 0, 0, 4, 0, rejection.result, rejection.source, rejection.reason};
    static_cast<void>(
        ::send(caller.peer.socket.get(), pdu.data(), pdu.size(), MSG_DONTWAIT | MSG_NOSIGNAL));
    // Not closed yet: what the peer still sends would make the kernel reset the connection, and the
    // reset would overtake our answer.
    ::shutdown(caller.peer.socket.get(), SHUT_WR);
    caller.answered = true;
    log::warn("association_refused",
              {{"caller", caller.head.size() < head_bytes ? "" : title(caller.head, calling_at)},
               {"called", caller.head.size() < head_bytes ? "" : title(caller.head, called_at)},
               {"address", caller.peer.address},
               {"reason", rejection.why}});
}

void Refusals::step(const std::vector<pollfd>& ready, Now now)
{
    auto event = ready.begin();
    for (auto caller = m_callers.begin(); caller != m_callers.end();) {
        const bool is_ready = event != ready.end() && event->revents != 0;
        event +=
            event == ready.end() ? 0 : 1; // callers added since are behind all that were polled
        const bool is_open = !is_ready || advance(*caller);
        caller = is_open && now < caller->deadline ? std::next(caller) : m_callers.erase(caller);
    }
}

} // namespace fiona::pacs
