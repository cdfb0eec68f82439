// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/export/export_job.h"
#include "libfiona/export/package_order.h"
#include "libfiona/export/zip_writer.h"

#include <filesystem>
#include <string>

namespace fiona::exports {

/// Where the package of a job goes: `<project>_<participant>_<event>_<study>_<accession>_<type>.zip`, each
/// part made safe; a mailed one has an unguessable part and `_encrypted` behind that.
[[nodiscard]] std::filesystem::path package_file(const ExportSettings& settings,
                                                 const ExportJob& job, const std::string& event);
/// Whether it is there, whole (Output's state table).
[[nodiscard]] bool has_package(const std::filesystem::path& package);

/// Writes the package and its MD5; nothing of either has its name before all is on the disk. Throws
/// Error: Fault::data for an image that cannot be read or changed, Fault::config (dcm2niix is
/// missing), Fault::temporary, os_error().
zip::Totals make_package(const PackageOrder& order, const std::filesystem::path& target);

} // namespace fiona::exports
