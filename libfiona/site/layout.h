// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/config.h"

#include <sys/types.h>

#include <filesystem>
#include <vector>

namespace fiona::site {

struct Directory {
    std::filesystem::path path;
    mode_t mode = 0750;
};

/// The paths of a site whose `"ROOT"` is `root` and that moves nothing with PATHS.
[[nodiscard]] Paths paths_below(const std::filesystem::path& root);

/// Every directory the tools expect, parents first. 0700 where patient data in progress or keys lie.
[[nodiscard]] std::vector<Directory> directories(const Paths& paths);

/// Groups of directories between which files move by rename(2): each must be one file system.
[[nodiscard]] std::vector<std::vector<std::filesystem::path>> rename_groups(const Paths& paths);

} // namespace fiona::site
