// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/anonymize/fold.h"

#include <vector>

namespace fiona::anonymize {

/// Bytes [begin, end) of folded text.
struct Range {
    std::size_t begin = 0;
    std::size_t end = 0;
};

/// What identifies a person whoever it is: Norwegian personal numbers (check digits fit), e-mail
/// addresses, URLs, telephone numbers, dates, long UIDs, and capitalised words behind a title
/// ("dr. Hansen"). Ranges may overlap. Linear in the text.
[[nodiscard]] std::vector<Range> find_patterns(const Folded& folded);
/// Runs of digits and dots with at least `least_dots` dots and `least_bytes` bytes.
[[nodiscard]] std::vector<Range> find_dotted_runs(std::string_view text, std::size_t least_dots,
                                                  std::size_t least_bytes);

} // namespace fiona::anonymize
