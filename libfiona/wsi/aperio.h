// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

/// The text in which Aperio's scanners keep what they know: `version LF size and crop|key = value|...`.
namespace fiona::wsi {

struct AperioField {
    std::string_view key;   ///< trimmed, into the description
    std::string_view value; ///< trimmed, into the description
};

/// What stands between the bars, in its order; keys may repeat (a crop keeps its source's description).
[[nodiscard]] std::vector<AperioField> aperio_fields(std::string_view description);

/// The same text of the same length with nothing in it that identifies: `X` over every value that is not
/// known to be harmless, dates `01/01/00`, times `00:00:00`, zeros behind the first NUL.
[[nodiscard]] std::string cleaned_aperio_description(std::string description);

} // namespace fiona::wsi
