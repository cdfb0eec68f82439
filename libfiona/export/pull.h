// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/export/export_job.h"
#include "libfiona/export/settings.h"

#include <cstddef>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace fiona::exports {

struct Pulled {
    std::string study_date;                   ///< as the PACS answers, "" if it does not
    std::vector<std::filesystem::path> files; ///< sorted by name
};

/// How many of how many objects are there.
using OnObjects = std::function<void(std::size_t received, std::size_t expected)>;

/// Fetches what the research PACS holds of the study into `directory`, as `<MOD>.<SOPInstanceUID>`,
/// series by series; what is there from an attempt before is not fetched again. A peer ends with
/// success also when it has given nothing, so only counts say that the study is whole: as many objects
/// as the PACS announces, each of those that it lists.
///
/// Throws Error: Fault::missing (it has no such study), Fault::data (its patient or accession number is
/// not that of the job), Fault::temporary (not all came), and as pacs::get() and pacs::move().
[[nodiscard]] Pulled pull(const ExportSettings& settings, const ExportJob& job,
                          const std::filesystem::path& directory, const OnObjects& on_objects);

} // namespace fiona::exports
