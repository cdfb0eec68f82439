// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/anonymize/kept_mapping.h"
#include "libfiona/base/ids.h"
#include "libfiona/base/private.h"

#include <filesystem>
#include <set>
#include <string>

/// Objects that a workstation made of a de-identified study, given back to the study it comes from.
namespace fiona::transfer {

/// What REDCap's INCOMING knows of the study.
struct HomeFacts {
    Private<std::string> accession_number; ///< "" if it has none
    Private<std::string> study_date;       ///< YYYYMMDD, "" if it has none
};

/// Writes `source` to `target`, a new file: every UID that the transfer made has its original value
/// again, at any depth; AccessionNumber and StudyDate (where there is one) are those of the study, and
/// InstitutionName is `external`. Its own series and SOP instance UID stay. Pixel data is copied as it
/// is.
///
/// `own`: series and SOP instance UIDs of what came with it. Throws Error{Fault::data}, with the
/// element's tag, if the object refers to something that is neither mapped nor in `own`, or if it is
/// itself one that we sent.
void write_with_origin(const std::filesystem::path& source, const std::filesystem::path& target,
                       const anonymize::Origin& origin, const HomeFacts& facts,
                       const std::set<std::string>& own);

} // namespace fiona::transfer
