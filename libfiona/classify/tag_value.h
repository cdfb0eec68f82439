// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/json.h"
#include "libfiona/dicom/header.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fiona::classify {

/// What a rule compares: one value, or a list. Absent values are no TagValue.
struct TagValue {
    std::vector<std::string> items; ///< one item for a single value, also for an empty one
    bool is_list = false;
    std::string text; ///< a list as Python writes it, a single value bare
};

/// Python's text of a list: `[0, 256]` for numbers and person names, `['ORIGINAL', 'M']` for the
/// rest. That is how the series JSON has always held multi-valued attributes.
enum class ListStyle { bare, quoted };
[[nodiscard]] std::string list_text(const std::vector<std::string>& values, ListStyle style);
/// How the values of an attribute with this value representation are written.
[[nodiscard]] ListStyle list_style(std::string_view vr, const std::vector<std::string>& values);

[[nodiscard]] TagValue tag_value(std::vector<std::string> values, std::string_view vr);
[[nodiscard]] TagValue tag_value(const json::Value& value);
/// A top-level attribute; nothing if absent.
[[nodiscard]] std::optional<TagValue> tag_value(const dicom::Header& header, dicom::Tag tag);

/// The whole of `text`, blanks around it aside, as a number.
[[nodiscard]] std::optional<double> as_number(std::string_view text);
/// All items as numbers; the list text of a single value (from a series JSON) is taken apart.
/// Nothing if one of them is none.
[[nodiscard]] std::optional<std::vector<double>> as_numbers(const TagValue& value);

} // namespace fiona::classify
