// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>

namespace fiona {

/// Text for HTML, SVG and their attributes; control characters become blanks.
[[nodiscard]] std::string html_escaped(std::string_view text);

} // namespace fiona
