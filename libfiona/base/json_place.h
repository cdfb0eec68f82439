// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <string_view>

namespace fiona::json {

/// Of a byte in a text; both count from 1, columns in bytes, as in the complaints of parse().
struct Place {
    std::size_t line = 1;
    std::size_t column = 1;

    friend bool operator==(const Place&, const Place&) = default;
};

/// Where the value that `path` leads to begins in `text`, which parse() has read: `[3].rules[0].tag`,
/// elements from 0. Of a path that leads nowhere: where the last value on it begins.
[[nodiscard]] Place place_of(std::string_view text, std::string_view path);

} // namespace fiona::json
