// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/anonymize/engine.h"
#include "libfiona/anonymize/profile.h"
#include "libfiona/anonymize/uid_map.h"

#include <array>
#include <cstdint>
#include <filesystem>

namespace fiona::anonymize {

/// Old to new UIDs of studies, series and instances; identifying, mode 0600.
void write_mapping(const std::filesystem::path& file, const UidMap& uids, const Report& report);

/// Fills in the studies and the summary: counts of actions, digest of the profile, scheme, version.
void summarise(Report& report, const std::array<std::uint64_t, action_count>& counts,
               const Settings& settings, const Profile& profile);

[[nodiscard]] std::string_view name_of(UidScheme scheme);

} // namespace fiona::anonymize
