// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/unique_fd.h"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

/// Directories into which a stranger's program has written: looked at by directory
/// descriptors, no link followed, no file system entered but that of the top.
namespace fiona::jobs {

struct TreeLimits {
    std::size_t depth = 64;
    std::size_t entries = 1'000'000;
};

struct TreeFile {
    std::filesystem::path path; ///< below the top
    std::uint64_t bytes = 0;
    bool is_regular = false; ///< a file of one name; no link, device, socket or pipe
};

/// Everything but directories, sorted by path. Throws Error{Fault::data} beyond the limits, or at a mount
/// point; os_error() if something cannot be read.
[[nodiscard]] std::vector<TreeFile> list_tree(const std::filesystem::path& top,
                                              const TreeLimits& limits = {});

/// Opens a file that list_tree() has named, for reading; no part of the path may be a link by now.
[[nodiscard]] UniqueFd open_in_tree(const std::filesystem::path& top,
                                    const std::filesystem::path& path);

} // namespace fiona::jobs
