// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/private.h"

#include <filesystem>
#include <string>
#include <string_view>

namespace fiona {

/// An Ed25519 key (RFC 8032, by OpenSSL): 32 bytes in a file of mode 0600.
class SigningKey {
public:
    /// Made at the first use; two processes at once end up with the same. Throws Error{Fault::config} if
    /// the file is open to others or has not 32 bytes.
    [[nodiscard]] static SigningKey load_or_make(const std::filesystem::path& file);

    /// 128 lower-case hex digits.
    [[nodiscard]] std::string sign(std::string_view text) const;
    /// 64 lower-case hex digits.
    [[nodiscard]] std::string public_key() const;

private:
    explicit SigningKey(Private<std::string> secret) : m_secret{std::move(secret)} {}

    Private<std::string> m_secret;
};

/// False for anything that is no key, no signature, or not of this text.
[[nodiscard]] bool is_signed(std::string_view text, std::string_view public_key_hex,
                             std::string_view signature_hex);

} // namespace fiona
