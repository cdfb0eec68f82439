// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/export/zip_writer.h"

#include <cstdint>
#include <optional>
#include <string>

/// What the threads of a Writer do to contents. Internal to zip_writer.
namespace fiona::exports::zip {

/// Contents up to this size are packed at once, larger ones in units of it.
constexpr std::uint64_t unit_bytes = std::uint64_t{2} << 20U;

struct Packed {
    Entry entry;
    std::string bytes;              ///< cipher prefix and checksum included
    std::optional<Content> large{}; ///< not packed: more than a unit
};

[[nodiscard]] Packed pack(Content content, const Settings& settings);

/// One unit of a large content.
struct Unit {
    std::string bytes;
    std::uint32_t crc = 0; ///< of the plain bytes
    std::uint64_t plain = 0;
};
/// Deflated units put together are one deflate stream (RFC 1951: all but the last end with an empty
/// stored block, at a byte).
[[nodiscard]] Unit pack_unit(const Content& content, std::uint64_t from, Method method);

[[nodiscard]] std::uint64_t size_of(const Content& content);
[[nodiscard]] Method method_for(const Content& content, const Settings& settings);
/// The checksum of two stretches, the second one `bytes` long.
[[nodiscard]] std::uint32_t combined_crc(std::uint32_t first, std::uint32_t second,
                                         std::uint64_t bytes);

} // namespace fiona::exports::zip
