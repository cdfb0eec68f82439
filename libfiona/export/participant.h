// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/config.h"
#include "libfiona/export/image.h"
#include "libfiona/export/settings.h"

#include <string>
#include <string_view>

namespace fiona::exports {

/// What the project's REDCap knows of the participant: `dob`, `age` and `sex` of the last record whose
/// `first_name` is the pseudonym; fields that the project does not have are not asked for. A site without
/// tokens.json asks nobody. Throws Error{Fault::config} if the project has no token there, and what
/// REDCap's client throws.
[[nodiscard]] Participant find_participant(const Config& config, const ExportSettings& settings,
                                           const std::string& project, const std::string& id);

/// REDCap's age as DICOM writes it (PS3.5 §6.2, AS): whole years `045Y`, others in months `018M`; "" for
/// what is no age.
[[nodiscard]] std::string age_string(std::string_view years);
/// `YYYY-MM-DD` as `YYYYMMDD`; "" for what is no date.
[[nodiscard]] std::string birth_date(std::string_view redcap);

} // namespace fiona::exports
