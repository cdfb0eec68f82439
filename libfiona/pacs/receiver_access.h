// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/config.h"

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace fiona::pacs {

/// A range of IP addresses: `10.0.0.0/8`, `fd00::/8`, or one address.
class AddressRange {
public:
    /// Throws Error{Fault::config} naming the text.
    explicit AddressRange(std::string_view text);

    /// False for what is no numeric address.
    [[nodiscard]] bool contains(const std::string& address) const;

private:
    std::array<std::uint8_t, 16> m_bytes{}; ///< IPv4 as ::ffff:a.b.c.d
    unsigned m_bits = 0;                    ///< of the 128 that count
};

/// Who may send: RECEIVER.allowed_callers and allowed_addresses. An empty list allows everybody.
/// An AE title is a claim and no proof; addresses and certificates are.
class AccessList {
public:
    /// Throws Error{Fault::config} for a range that is none.
    explicit AccessList(const ReceiverConfig& config);

    [[nodiscard]] bool allows_address(const std::string& address) const;
    [[nodiscard]] bool allows_caller(const std::string& title) const;

private:
    std::vector<AddressRange> m_addresses;
    std::vector<std::string> m_callers;
};

} // namespace fiona::pacs
