// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/anonymize/plan.h"

#include <string>

namespace fiona::anonymize {

/// What in an encapsulated document (PS3.3 C.24.2) could identify somebody, for people; empty: nothing
/// was found, or there is no document. PDF is read by the programs of poppler-utils in children with
/// limits: its text, metadata, embedded files. What cannot be read is a finding: pictures, drawings that may be
/// writing, fonts and pages whose letters are not in the text, notes, forms, bookmarks and layers, also in
/// compressed object streams, earlier versions, and a PDF that does not begin with its mark. Other
/// documents are searched as they are, if they are plain text (UTF-8) in which nothing is packed. Patterns
/// count as well as identifiers of the study. Throws Error{Fault::unreachable} if the programs are missing.
[[nodiscard]] std::string finding_in_document(const Item& root, const Plan& plan);

} // namespace fiona::anonymize
