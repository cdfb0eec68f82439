// SPDX-License-Identifier: MIT
#pragma once

#include <string_view>

class OFCondition;

namespace fiona::dicom {

/// DCMTK reports through OFCondition; this is the one door through which it becomes an Error.
/// Throws Error{Fault::data} with DCMTK's text (which holds no values) behind `doing`.
void check(const OFCondition& condition, std::string_view doing);

} // namespace fiona::dicom
