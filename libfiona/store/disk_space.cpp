// SPDX-License-Identifier: MIT
#include "libfiona/store/disk_space.h"

#include "libfiona/base/error.h"

#include <sys/statvfs.h>

#include <algorithm>
#include <cerrno>
#include <cmath>

namespace fiona::store {

namespace {

constexpr double hard_inode_share = 0.02;
constexpr std::uint64_t reserve_bytes = std::uint64_t{256} << 20U;

std::uint64_t threshold(const DiskSpace& space, double share, std::uint64_t bytes)
{
    return std::max(static_cast<std::uint64_t>(static_cast<double>(space.total_bytes) * share),
                    bytes);
}

} // namespace

DiskSpace disk_space(const std::filesystem::path& path)
{
    struct statvfs status {};
    if (::statvfs(path.c_str(), &status) != 0) {
        throw os_error(errno, fmt::format("ask for the free space of {}", path.native()));
    }
    const auto inodes = static_cast<double>(status.f_files);
    return {std::uint64_t{status.f_bavail} * status.f_frsize,
            std::uint64_t{status.f_blocks} * status.f_frsize,
            status.f_files == 0 ? 1.0 : static_cast<double>(status.f_favail) / inodes,
            std::uint64_t{status.f_blocks - status.f_bfree} * status.f_frsize};
}

unsigned DiskSpace::used_percent() const
{
    constexpr double whole = 100;
    const auto used = static_cast<double>(used_bytes);
    const auto both = used + static_cast<double>(free_bytes);
    return both > 0 ? static_cast<unsigned>(std::ceil(whole * used / both)) : 0;
}

void require_space(const std::filesystem::path& directory, std::uint64_t bytes)
{
    const auto space = disk_space(directory);
    if (space.free_bytes < bytes + reserve_bytes) {
        throw Error{Fault::temporary, "{} has {} MB free, {} MB are needed; make room on that disk",
                    directory.native(), space.free_bytes >> 20U, (bytes + reserve_bytes) >> 20U};
    }
}

DiskState disk_state(const DiskSpace& space, const ReceiverConfig& limits)
{
    if (space.free_inode_share < hard_inode_share
        || space.free_bytes < threshold(space, limits.hard_free_share, limits.hard_free_bytes)) {
        return DiskState::hard;
    }
    return space.free_bytes < threshold(space, limits.soft_free_share, limits.soft_free_bytes)
               ? DiskState::low
               : DiskState::ok;
}

} // namespace fiona::store
