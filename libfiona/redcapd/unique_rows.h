// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/redcapd/call.h"

#include <cstdint>
#include <string>

namespace fiona::redcapd {

/// Forms may have fields whose values no two instances of a record share (Form::unique_fields).
/// Throws Refusal{400} with a line as REDCap's for bad values if two instances of the record break
/// that; instances in which all of these fields are blank do not count.
void check_unique_rows(const Call& call, std::int64_t record, const std::string& name);

} // namespace fiona::redcapd
