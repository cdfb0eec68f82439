// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>
#include <vector>

/// Hamamatsu's property map (tag 65449): lines of `key=value`, ended by CR LF.
namespace fiona::wsi {

struct NdpiProperty {
    std::string_view key;   ///< into the map
    std::string_view value; ///< into the map
};

/// Lines without `=` have an empty key.
[[nodiscard]] std::vector<NdpiProperty> ndpi_properties(std::string_view map);

/// The same text of the same length: blanks over every value that is not known to be harmless, zeros behind
/// the first NUL.
[[nodiscard]] std::string cleaned_ndpi_properties(std::string map);

} // namespace fiona::wsi
