// SPDX-License-Identifier: MIT
#include "tests/support/raw_peer.h"

#include <fmt/format.h>

#include <poll.h>

#include <algorithm>
#include <thread>

namespace raw {

namespace {

/// Of a response in one PDV; nothing if the PDU holds none.
std::optional<std::uint16_t> status_in(const std::string& body)
{
    const auto name = tag(0x00000900) + little(2, 4);
    const auto at = body.find(name);
    if (at == std::string::npos || body.size() < at + name.size() + 2) {
        return std::nullopt;
    }
    const auto low = static_cast<unsigned char>(body[at + name.size()]);
    const auto high = static_cast<unsigned char>(body[at + name.size() + 1]);
    return static_cast<std::uint16_t>(low | high << 8U);
}

std::string words_of(const Pdu& pdu)
{
    switch (pdu.type) {
    case 0: return "closed";
    case 2: return "accepted";
    case 3:
        return pdu.body.size() != 4
                   ? "other PDU"
                   : fmt::format("rejected {:d}/{:d}/{:d}", pdu.body[1], pdu.body[2], pdu.body[3]);
    case 4: {
        const auto status = status_in(pdu.body);
        return status ? fmt::format("status {:04x}", *status) : "other PDU";
    }
    case 6: return "released";
    case 7: return "aborted";
    default: return "other PDU";
    }
}

} // namespace

std::string Request::user_items_of(std::uint32_t max_pdu_bytes)
{
    return item(0x51, big(max_pdu_bytes, 4)) + item(0x52, "1.2.3");
}

std::string Request::bytes() const
{
    auto items = item(0x10, application_context);
    for (const auto& context : contexts) {
        auto body = big(context.id, 1) + big(0, 3) + item(0x30, context.abstract_syntax);
        for (const auto& syntax : context.transfer_syntaxes) {
            body += item(0x40, syntax);
        }
        items += item(0x20, body);
    }
    items += item(0x50, user_items) + more_items;
    const auto body = big(version, 2) + big(0, 2) + title(called) + title(calling)
                      + std::string(32, '\0') + items;
    return big(1, 1) + big(0, 1) + big(length.value_or(static_cast<std::uint32_t>(body.size())), 4)
           + body;
}

std::string DataPdu::encoded() const
{
    const auto pdv = static_cast<std::uint32_t>(bytes.size() + 2);
    return big(4, 1) + big(0, 1) + big(pdu_length.value_or(pdv + 4), 4)
           + big(pdv_length.value_or(pdv), 4) + big(context, 1)
           + big(static_cast<unsigned>(flags), 1) + bytes;
}

Command Command::store(const Ids& ids)
{
    return {{{0x00000002, even(ids.sop_class, '\0')},
             {0x00000100, little(1, 2)},
             {0x00000110, little(1, 2)},
             {0x00000700, little(0, 2)},
             {0x00000800, little(1, 2)},
             {0x00001000, even(ids.sop, '\0')}}};
}

Command& Command::set(std::uint32_t tag, const std::string& value)
{
    const auto found =
        std::ranges::find_if(elements, [&](const auto& element) { return element.first == tag; });
    if (found == elements.end()) {
        return add(tag, value);
    }
    found->second = value;
    return *this;
}

Command& Command::drop(std::uint32_t tag)
{
    std::erase_if(elements, [&](const auto& element) { return element.first == tag; });
    return *this;
}

Command& Command::add(std::uint32_t tag, const std::string& value)
{
    elements.emplace_back(tag, value);
    return *this;
}

std::string Command::bytes() const
{
    std::string body;
    for (const auto& [tag, value] : elements) {
        body += implicit(tag, value);
    }
    return implicit(0x00000000,
                    little(group_length.value_or(static_cast<std::uint32_t>(body.size())), 4))
           + body;
}

bool has_answer(const Connection& connection, std::chrono::milliseconds patience)
{
    pollfd one{connection.fd(), POLLIN, 0};
    return ::poll(&one, 1, static_cast<int>(patience.count())) > 0;
}

std::string next_words(const Connection& connection, std::chrono::milliseconds patience)
{
    return has_answer(connection, patience) ? words_of(connection.read()) : "silence";
}

void send_slowly(const Connection& connection, std::string_view bytes, std::size_t step,
                 std::chrono::milliseconds pause)
{
    while (!bytes.empty() && !has_answer(connection, pause)) {
        const auto count = std::min(step, bytes.size());
        connection.send(bytes.substr(0, count));
        bytes.remove_prefix(count);
    }
}

void set_nagle(const Connection& connection)
{
    const int off = 0;
    ::setsockopt(connection.fd(), IPPROTO_TCP, TCP_NODELAY, &off, sizeof off);
}

void reset_when_closed(const Connection& connection)
{
    const linger at_once{1, 0};
    ::setsockopt(connection.fd(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

} // namespace raw
