// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>

/// Text as the ASCII of a mail.
namespace fiona::notify {

/// One line of UTF-8: control characters become blanks, bytes that are not UTF-8 question marks; at
/// most 300 bytes remain.
[[nodiscard]] std::string one_line(std::string_view text);
/// The value of an unstructured header (Subject), folded; RFC 2047 where it is not plain ASCII.
[[nodiscard]] std::string header_text(std::string_view text);
/// A display name: a quoted string (RFC 5322 §3.2.4), or RFC 2047.
[[nodiscard]] std::string header_phrase(std::string_view text);
/// `; name="..."`, folded; RFC 2231 where it is not plain ASCII.
[[nodiscard]] std::string header_parameter(std::string_view name, std::string_view value);
/// RFC 2045 §6.7. Every line end becomes CR LF.
[[nodiscard]] std::string quoted_printable(std::string_view text);
/// RFC 2045 §6.8, in lines of 76 that end with CR LF.
[[nodiscard]] std::string base64_lines(std::string_view bytes);

} // namespace fiona::notify
