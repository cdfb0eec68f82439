// SPDX-License-Identifier: MIT
#include "libfiona/pacs/receiver_access.h"

#include "libfiona/base/error.h"
#include "libfiona/base/number.h"

#include <arpa/inet.h>

#include <algorithm>
#include <optional>

namespace fiona::pacs {

namespace {

using Bytes = std::array<std::uint8_t, 16>;

constexpr unsigned v6_bits = 128;
constexpr unsigned mapped_bits = 96; // ::ffff:0:0/96 holds the IPv4 addresses (RFC 4291 §2.5.5.2)

struct Parsed {
    Bytes bytes{};
    bool is_v4 = false;
};

std::optional<Parsed> parse(const std::string& address)
{
    Parsed parsed;
    if (::inet_pton(AF_INET6, address.c_str(), parsed.bytes.data()) == 1) {
        return parsed;
    }
    parsed.bytes = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    parsed.is_v4 = true;
    if (::inet_pton(AF_INET, address.c_str(), &parsed.bytes[mapped_bits / 8]) == 1) {
        return parsed;
    }
    return std::nullopt;
}

Error bad_range(std::string_view text)
{
    return Error{Fault::config, "RECEIVER.allowed_addresses: {} is no address and no range", text};
}

} // namespace

AddressRange::AddressRange(std::string_view text)
{
    const auto slash = text.find('/');
    const auto parsed = parse(std::string{text.substr(0, slash)});
    if (!parsed) {
        throw bad_range(text);
    }
    m_bytes = parsed->bytes;
    m_bits = v6_bits;
    if (slash == std::string_view::npos) {
        return;
    }
    const auto length = read_number<unsigned>(text.substr(slash + 1));
    const auto offset = parsed->is_v4 ? mapped_bits : 0U;
    if (!length || *length > v6_bits - offset) {
        throw bad_range(text);
    }
    m_bits = *length + offset;
}

bool AddressRange::contains(const std::string& address) const
{
    const auto other = parse(address.substr(0, address.find('%'))); // fe80::1%eth0
    if (!other) {
        return false;
    }
    constexpr unsigned byte = 8;
    const auto whole = static_cast<std::ptrdiff_t>(m_bits / byte);
    if (!std::equal(m_bytes.begin(), m_bytes.begin() + whole, other->bytes.begin())) {
        return false;
    }
    const unsigned rest = m_bits % byte;
    const unsigned mask = 0xffU << (byte - rest) & 0xffU;
    const auto at = static_cast<std::size_t>(whole);
    return rest == 0 || (m_bytes.at(at) & mask) == (other->bytes.at(at) & mask);
}

AccessList::AccessList(const ReceiverConfig& config) : m_callers{config.allowed_callers}
{
    for (const auto& range : config.allowed_addresses) {
        m_addresses.emplace_back(range);
    }
}

bool AccessList::allows_address(const std::string& address) const
{
    return m_addresses.empty() || std::ranges::any_of(m_addresses, [&](const auto& range) {
               return range.contains(address);
           });
}

bool AccessList::allows_caller(const std::string& title) const
{
    return m_callers.empty() || std::ranges::find(m_callers, title) != m_callers.end();
}

} // namespace fiona::pacs
