// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/classify/tag_value.h"
#include "libfiona/dicom/header.h"

#include <cstdint>
#include <optional>
#include <string_view>

namespace fiona::classify {

/// How a vendor's value is to be read where an archive has replaced its VR by UN.
enum class Encoding { text, float32, float64 };

/// A private element by its creator: `element` is its number 0x00-0xFF in the creator's block.
struct VendorElement {
    std::uint16_t group = 0;
    std::string_view creator;
    std::uint8_t element = 0;
    Encoding encoding = Encoding::text;
};

/// The value by the creator wherever its block is (PS3.5 §7.8.1); without this creator the value at
/// block 0x10, where scanners put it, if nobody else has claimed the block. Nothing if absent;
/// bytes that are no text are an empty value.
[[nodiscard]] std::optional<TagValue> vendor_value(const dicom::Header& header,
                                                   const VendorElement& wanted);

} // namespace fiona::classify
