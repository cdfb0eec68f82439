// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/config.h"
#include "libfiona/base/ids.h"
#include "libfiona/base/private.h"

#include <string>
#include <vector>

namespace fiona::status {

/// Studies in archive/ or raw/, by UID.
[[nodiscard]] std::vector<StudyUid> known_studies(const Paths& paths);

/// The study meant by `text`: a UID, a tag of a log line (12 hex digits, with or without `#`; also of a study
/// of which only a request is left), or an accession number. A legal UID that is not here is returned as it is: REDCap may know it. Throws
/// Error{Fault::missing} if nothing fits, Fault::data if several do.
[[nodiscard]] StudyUid find_study(const Paths& paths, const Private<std::string>& text);

} // namespace fiona::status
