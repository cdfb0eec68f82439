// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/anonymize/plan.h"
#include "libfiona/anonymize/rules.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace fiona::anonymize {

/// What must not be in a de-identified file: where and of what kind, never the value.
struct Finding {
    std::string path; ///< "0040,0275>0008,0050", "meta header", "file"
    std::string what;
    bool can_be_blanked = false;
};

struct Written {
    std::string_view bytes; ///< the file up to its pixel data, preamble included, as read back
    std::uint64_t data_set_offset = 0;
    Encoding encoding = Encoding::explicit_little;
    OffsetTables tables = OffsetTables::none_or_bad; ///< as its pixel data, which are not here, say
};

/// Looks at a written file as a stranger would, trusting nothing the rewriter did: every element
/// is held against the profile, every name, date and UID against what was known of the study, and
/// all bytes are searched for its identifiers, read as Latin-1, as UTF-8 and as declared. Empty:
/// proven clean. Throws Error{Fault::data} if the bytes are no data set.
[[nodiscard]] std::vector<Finding> verify(const Written& file, const Plan& plan);

} // namespace fiona::anonymize
