// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/anonymize/data_set.h"
#include "libfiona/anonymize/identity.h"
#include "libfiona/anonymize/vocabulary.h"

#include <optional>
#include <string>
#include <string_view>

namespace fiona::anonymize {

enum class CleaningDepth {
    identity, ///< only identifiers of the study: for text that the profile keeps
    full,     ///< also the general patterns: for text of free form
    words,    ///< and every word that is not on the list of allowed words: what people type
};

/// Cuts what identifies out of a text and leaves the rest: blanks are collapsed; what keeps fewer
/// than two letters becomes empty. Nothing if there was nothing to cut. Multiplicity::multiple: backslashes
/// separate values, each cleaned by itself. `allowed` is needed for CleaningDepth::words.
enum class Multiplicity { single, multiple };
[[nodiscard]] std::optional<std::string> cleaned(std::string_view utf8, const Identity& identity,
                                                 CleaningDepth depth, Multiplicity multiplicity,
                                                 const AllowedWords* allowed = nullptr);

} // namespace fiona::anonymize
