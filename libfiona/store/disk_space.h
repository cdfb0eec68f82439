// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/config.h"

#include <cstdint>
#include <filesystem>

namespace fiona::store {

struct DiskSpace {
    std::uint64_t free_bytes = 0; ///< for users other than root
    std::uint64_t total_bytes = 0;
    double free_inode_share = 1.0; ///< 1 where the file system does not count inodes
    std::uint64_t used_bytes = 0;

    /// As df(1) says it: of what users other than root may have, rounded up.
    [[nodiscard]] unsigned used_percent() const;
};

/// Throws os_error(): a disk that cannot be asked is not a disk with room.
[[nodiscard]] DiskSpace disk_space(const std::filesystem::path& path);

/// Throws Error{Fault::temporary} if the disk of `directory` has not `bytes` and a reserve for the
/// receiver free.
void require_space(const std::filesystem::path& directory, std::uint64_t bytes);

/// ok, low (warn), hard (accept nothing): thresholds of ReceiverConfig; inodes under 2 % are hard.
enum class DiskState { ok, low, hard };
[[nodiscard]] DiskState disk_state(const DiskSpace& space, const ReceiverConfig& limits);

} // namespace fiona::store
