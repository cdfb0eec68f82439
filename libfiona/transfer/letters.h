// SPDX-License-Identifier: MIT
#pragma once

#include <functional>

namespace fiona::transfer {

/// A font of dots: capitals, digits and some marks.
constexpr unsigned letter_columns = 5;
constexpr unsigned letter_rows = 7;

/// Calls `dot` for every dot of `letter`, from the top left; for none if the font has no such letter.
void draw_letter(char letter, const std::function<void(unsigned column, unsigned row)>& dot);

} // namespace fiona::transfer
