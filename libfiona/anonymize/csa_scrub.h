// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/anonymize/identity.h"
#include "libfiona/anonymize/uid_map.h"
#include "libfiona/anonymize/vocabulary.h"

#include <optional>
#include <string>
#include <string_view>

namespace fiona::anonymize {

/// A Siemens CSA header of the same length with what research needs and nothing else: numbers stay; UIDs
/// are mapped; dates and names of persons go; texts and the quoted strings of the protocol keep
/// allowed words only; bytes that belong to no value (remains of the scanner's memory) become zero.
/// Nothing if it cannot be read to its end: then it cannot be shown to be clean.
[[nodiscard]] std::optional<std::string> scrubbed_csa(std::string_view bytes,
                                                      const Identity& identity, UidMap& uids,
                                                      const AllowedWords& words);

} // namespace fiona::anonymize
