// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <string>
#include <string_view>

/// Base64 with the alphabet of RFC 4648 section 4: attachments of mails, files of an ODM document,
/// passwords of export jobs.
namespace fiona {

/// One line, padded.
[[nodiscard]] std::string base64(std::string_view bytes);
/// Blanks and line ends are passed over, padding may be missing. Nothing if it is no base64.
[[nodiscard]] std::optional<std::string> base64_decoded(std::string_view text);

} // namespace fiona
