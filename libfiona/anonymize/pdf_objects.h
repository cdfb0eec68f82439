// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace fiona::anonymize {

/// Names of a PDF as they are meant: `/A#6enot` is `/Annot` (ISO 32000-1 §7.3.5). Positions change.
[[nodiscard]] std::string with_plain_names(std::string_view pdf);

/// The objects that a PDF keeps in compressed streams (ISO 32000-1 §7.5.7), unpacked, one stream after
/// another; "" if it has none. Nothing if one of them cannot be read here: another filter than
/// FlateDecode, a predictor, more than `most_bytes` in all. Trusts no length of the file.
[[nodiscard]] std::optional<std::string> objects_in_streams(std::string_view pdf,
                                                            std::size_t most_bytes);

} // namespace fiona::anonymize
