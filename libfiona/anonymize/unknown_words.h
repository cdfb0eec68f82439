// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/anonymize/patterns.h"
#include "libfiona/anonymize/vocabulary.h"

#include <vector>

namespace fiona::anonymize {

/// What in a text is neither on the list nor so short that it says nothing: names nobody told us of,
/// numbers of five digits and more, and numbers behind letters that are no word. Protocol names stay
/// readable: `t1_mprage_sag_p2`, `ep2d_diff_b1000` and `WeightedImage` are read word by word, and an
/// abbreviation of up to four consonants is no name.
[[nodiscard]] std::vector<Range> find_unknown_words(const Folded& folded,
                                                    const AllowedWords& allowed);

} // namespace fiona::anonymize
