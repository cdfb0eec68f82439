// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/wsi/jpeg_stream.h"

#include <cstddef>
#include <cstdint>

namespace fiona::wsi {

/// Numbers of code streams, most significant byte first. What is read must be there.
[[nodiscard]] inline std::uint8_t byte_at(ByteSpan bytes, std::size_t at)
{
    return std::to_integer<std::uint8_t>(bytes[at]);
}

[[nodiscard]] inline std::uint16_t word_at(ByteSpan bytes, std::size_t at)
{
    return static_cast<std::uint16_t>(byte_at(bytes, at) << 8U | byte_at(bytes, at + 1));
}

[[nodiscard]] inline std::uint32_t long_at(ByteSpan bytes, std::size_t at)
{
    return std::uint32_t{word_at(bytes, at)} << 16U | word_at(bytes, at + 2);
}

} // namespace fiona::wsi
