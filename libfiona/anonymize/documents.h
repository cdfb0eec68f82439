// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/anonymize/plan.h"

#include <string>

namespace fiona::anonymize {

/// What in an encapsulated document (PS3.3 C.24.2) could identify somebody, for people; empty: nothing
/// was found, or there is no document. PDF is read by the programs of poppler-utils in children with
/// limits: its text, metadata, embedded files; a picture in it cannot be read and is a finding, and so are notes,
/// forms and bookmarks, also in compressed object streams. Other
/// documents are searched as they are. Patterns count as well as identifiers of the study. Throws
/// Error{Fault::unreachable} if the programs are missing.
[[nodiscard]] std::string finding_in_document(const Item& root, const Plan& plan);

} // namespace fiona::anonymize
