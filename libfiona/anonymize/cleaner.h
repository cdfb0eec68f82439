// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/anonymize/data_set.h"
#include "libfiona/anonymize/identity.h"

#include <optional>
#include <string>
#include <string_view>

namespace fiona::anonymize {

enum class CleaningDepth {
    identity, ///< only identifiers of the study: for text that the profile keeps
    full,     ///< also the general patterns: for text of free form
};

/// Cuts what identifies out of a text and leaves the rest: blanks are collapsed; what keeps fewer
/// than two letters becomes empty. Nothing if there was nothing to cut. `is_multiple`: backslashes
/// separate values, each cleaned by itself.
enum class Multiplicity { single, multiple };
[[nodiscard]] std::optional<std::string> cleaned(std::string_view utf8, const Identity& identity,
                                                 CleaningDepth depth, Multiplicity multiplicity);

} // namespace fiona::anonymize
