// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace fiona {

using Sha256Digest = std::array<std::byte, 32>;

/// SHA-256 over bytes that arrive piece by piece (FIPS 180-4, by OpenSSL).
class Sha256 {
public:
    Sha256();
    Sha256(const Sha256&) = delete;
    Sha256& operator=(const Sha256&) = delete;
    ~Sha256();

    void add(std::span<const std::byte> bytes);
    void add(std::string_view text);
    /// The digest of all that was added. Called once, last.
    [[nodiscard]] Sha256Digest finish();

private:
    struct Context;
    std::unique_ptr<Context> m_context;
};

[[nodiscard]] Sha256Digest sha256(std::string_view text);
/// 64 lower-case hex digits.
[[nodiscard]] std::string sha256_hex(std::string_view text);
/// SHA-512 (FIPS 180-4), 128 lower-case hex digits.
[[nodiscard]] std::string sha512_hex(std::string_view text);
/// HMAC-SHA-256 (RFC 2104). The key may have any length.
[[nodiscard]] Sha256Digest hmac_sha256(std::span<const std::byte> key, std::string_view text);
/// Lower-case hex, two digits a byte.
[[nodiscard]] std::string to_hex(std::span<const std::byte> bytes);
/// `count` bytes of getrandom(2): for keys, tokens, unguessable names.
[[nodiscard]] std::vector<std::byte> random_bytes(std::size_t count);

} // namespace fiona
