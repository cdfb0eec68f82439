// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/config.h"
#include "libfiona/base/dates.h"
#include "libfiona/base/private.h"
#include "libfiona/export/image.h"
#include "libfiona/export/settings.h"
#include "libfiona/export/work_folder.h"

#include <cstddef>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace fiona::exports {

/// What a package is made of. All references are borrowed.
struct PackageOrder {
    const Config& config;
    const ExportSettings& settings;
    const ExportType& type;
    const PackageFacts& facts;
    const std::vector<std::filesystem::path>& images; ///< what was pulled
    const WorkFolder& work;
    const Private<std::string>& password; ///< "" for none
    TimePoint now;
    std::function<void(std::size_t done, std::size_t all)> on_entry;
};

} // namespace fiona::exports
