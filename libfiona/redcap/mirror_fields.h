// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/redcap/client.h"

#include <span>
#include <string_view>

namespace fiona::redcap {

/// The fields of a role's project that are copied to this machine: what the tools of every minute
/// read of all records. Not among them: patients' names and ids, not even as the plain hashes that
/// INCOMING and AUTOID hold (the ids of a country are searched through in minutes), free text from
/// headers, tokens, contacts, and whatever a site has added. Who asks for one of those is answered
/// by REDCap itself. The accession numbers of COUPLING are what the coupling is by.
[[nodiscard]] std::span<const std::string_view> copied_fields(Role role);

} // namespace fiona::redcap
