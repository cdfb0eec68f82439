// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/private.h"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace fiona::exports::zip {

/// Encrypts one entry as WinZip's AE-2 does: AES-256 in counter mode (little endian, from 1), key and
/// checksum key by PBKDF2-HMAC-SHA1 with 1,000 rounds from a salt of 16 random bytes, HMAC-SHA1 of the
/// cipher text cut to 10 bytes. 7z, libarchive and WinZip read it; Info-ZIP does not.
class Cipher {
public:
    explicit Cipher(const Private<std::string>& password);
    Cipher(const Cipher&) = delete;
    Cipher& operator=(const Cipher&) = delete;
    ~Cipher();

    /// Salt and password check; stand in front of the data.
    [[nodiscard]] const std::string& prefix() const { return m_prefix; }
    /// In place; pieces in their order.
    void encrypt(std::string& bytes);
    /// Stands behind the data. Called once, last.
    [[nodiscard]] std::string checksum();

private:
    struct Contexts;
    void refill();

    std::unique_ptr<Contexts> m_contexts;
    std::string m_prefix;
    std::uint64_t m_counter = 1;
    std::string m_stream; ///< key stream not used up yet
    std::size_t m_used = 0;
};

} // namespace fiona::exports::zip
