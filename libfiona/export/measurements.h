// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/dates.h"
#include "libfiona/export/export_list.h"
#include "libfiona/export/settings.h"

#include <chrono>
#include <filesystem>
#include <string>

namespace fiona::exports {

/// Notes that a package of the project was made now and took so long: in execMeasurements.json
/// (`{"<project>": seconds}`, the mean of the old value and the new one; the Export page shows it) and
/// in the table for fairness. What cannot be read is begun anew: nothing depends on it.
void note_export(const ExportSettings& settings, const std::string& project,
                 std::chrono::seconds took, TimePoint now);

/// When each project had its last package, in seconds since 1970.
[[nodiscard]] ExportList::LastExports last_exports(const std::filesystem::path& file);

} // namespace fiona::exports
