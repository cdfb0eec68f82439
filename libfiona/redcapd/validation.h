// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/redcapd/schema.h"

#include <optional>
#include <string>
#include <string_view>

namespace fiona::redcapd {

/// Why REDCap would refuse a value that is not blank; nothing if it takes it.
[[nodiscard]] std::optional<std::string> value_problem(const Schema& schema, const Column& column,
                                                       std::string_view value);

/// REDCap's text for a value that does not look as its validation wants.
extern const std::string_view wrong_format_text;

/// 1..100 bytes of UTF-8 without control characters, not beginning or ending with a blank.
[[nodiscard]] bool is_record_name(std::string_view name);

} // namespace fiona::redcapd
