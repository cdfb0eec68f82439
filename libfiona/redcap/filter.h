// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>

namespace fiona::redcap {

/// `[field] = "value"` for ExportSpec::filter_logic. REDCap knows no escape inside a quoted text,
/// so a value with a quote of either kind, a bracket or a control character is refused, and so is a
/// field name that is not one: Error{Fault::data}, without the value.
[[nodiscard]] std::string field_equals(std::string_view field, std::string_view value);

} // namespace fiona::redcap
