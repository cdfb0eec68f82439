// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/anonymize/data_set.h"

#include <string>
#include <string_view>

namespace fiona::anonymize {

/// Whether the bytes can be a value of a string VR for numbers, ages, times, terms or UIDs (PS3.5 §6.2,
/// tolerant of what scanners send). A number that holds no number holds something else.
[[nodiscard]] bool has_legal_shape(Vr vr, std::string_view stored);
/// At most what the VR allows, in characters (PS3.5 §6.2), for values we write. Backslashes
/// separate values where the VR has several.
[[nodiscard]] std::string within_limit(Vr vr, std::string_view utf8);
/// An AS of more than 89 years as "089Y": so few people are older that their age names them (45 CFR
/// 164.514(b)(2)(i)(C)). Another age as it is.
[[nodiscard]] std::string capped_age(std::string_view age);
/// A value of (0008,0005) made of defined terms only (PS3.3 §C.12.1.1.2).
[[nodiscard]] bool is_charset_term(std::string_view value);

} // namespace fiona::anonymize
