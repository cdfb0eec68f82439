// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace fiona {

[[nodiscard]] bool is_utf8(std::string_view text);
/// Without leading and trailing blanks, tabs, line ends and NULs.
[[nodiscard]] std::string_view trimmed(std::string_view text);
/// The parts between `separator`; always at least one.
[[nodiscard]] std::vector<std::string_view> split(std::string_view text, char separator);
/// ASCII letters only; other bytes stay.
[[nodiscard]] std::string lower_case(std::string_view text);

/// One path component, or one blank-separated field, made of text from a stranger's header: `/`,
/// `%`, blanks, control characters, and a leading dot become `%XX`; at most `max_bytes` bytes
/// remain. The empty text becomes "%". Two texts longer than that may become equal.
[[nodiscard]] std::string percent_encoded(std::string_view text, std::size_t max_bytes = 200);
[[nodiscard]] std::string percent_decoded(std::string_view text);

} // namespace fiona
