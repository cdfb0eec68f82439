// SPDX-License-Identifier: MIT
#pragma once

#include <string_view>

namespace fiona {

/// Whether eleven digits are a Norwegian personal number: date of birth DDMMYY, three digits, two
/// check digits (modulus 11, weights 3 7 6 1 8 9 4 5 2 and 5 4 3 2 7 6 5 4 3 2).
///
/// Also true for D-numbers (day + 40), H-numbers of hospitals (month + 40), the population made up
/// for tests (month + 80), and FH-numbers (first digit 8 or 9, no date).
[[nodiscard]] bool is_norwegian_id(std::string_view eleven_digits);

/// Whether such a number stands in `text`: eleven digits together, or six and five with one of
/// `-`, `.`, `_` or a blank between, and no digit directly before or after.
[[nodiscard]] bool contains_norwegian_id(std::string_view text);

} // namespace fiona
