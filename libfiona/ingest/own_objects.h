// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/config.h"
#include "libfiona/base/dates.h"
#include "libfiona/base/private.h"

#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

/// Which files fiona-s2m(1) is about: regular files and links to such, every list in byte order of
/// the paths. All throw Error{Fault::missing}, without naming what was asked for, if there is none.
namespace fiona::ingest {

using Files = std::vector<std::filesystem::path>;

/// The file itself, or all files below the directory.
[[nodiscard]] Files files_below(const std::filesystem::path& path);

/// The archived objects of all studies of one patient, found by `participants/`, else by the series
/// JSONs. The id must match in full.
[[nodiscard]] Files files_of_patient(const Config& config, const Private<std::string>& patient_id);

/// The archived objects of the studies whose newest file is not older than `age`.
[[nodiscard]] Files recent_files(const Config& config, TimePoint now, std::chrono::hours age);

} // namespace fiona::ingest
