// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/dicom/charset.h"
#include "libfiona/dicom/header.h"

#include <bit>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace fiona::dicom {

/// One element as it lies in the file.
struct RawElement {
    Tag tag;
    std::string_view vr; ///< of the file or, in implicit VR, of the dictionary
    std::span<const std::byte> bytes;
    std::endian order = std::endian::little; ///< of numbers
};

struct ElementValues {
    std::vector<std::string> values;
    bool guessed = false; ///< see Charset::Text
};

/// Its values as UTF-8 text, by the rules of Header::values().
[[nodiscard]] ElementValues element_values(const RawElement& element, const Charset& charset);
/// Whether a value with this VR is characters (PS3.5 §6.2).
[[nodiscard]] bool is_text_vr(std::string_view vr);
/// The VR in DCMTK's dictionary; of a private element by its creator. "UN" if it is unknown.
[[nodiscard]] std::string_view dictionary_vr(Tag tag, const char* creator = nullptr);
/// Whether the dictionary leaves it to the pixels ("US or SS").
[[nodiscard]] bool is_us_or_ss(Tag tag);
[[nodiscard]] std::string_view as_text(std::span<const std::byte> bytes);
/// Python's repr() of a float: shortest form that reads back equal, never without a point or `e`.
[[nodiscard]] std::string python_float(double value);

} // namespace fiona::dicom
