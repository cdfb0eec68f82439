// SPDX-License-Identifier: MIT
#pragma once

#include <string_view>

namespace fiona::anonymize {

/// A value that (0018,0015) may keep, in capitals without blanks around it.
[[nodiscard]] bool is_body_part(std::string_view capitals);
/// Modalities, body parts, words of radiology and of hospitals: a patient or a department called
/// so is not found by that word alone. `folded` as fold_text() makes it.
[[nodiscard]] bool is_trade_word(std::string_view folded);

} // namespace fiona::anonymize
