// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/unique_fd.h"
#include "libfiona/store/disk_space.h"

#include <catch2/catch.hpp>

#include <fcntl.h>

#include <filesystem>

/// Takes up two percent of the disk of `directory` if hardly anything of it is used (a fresh machine's
/// /tmp): cleaners that may leave 1 % have work everywhere. The file goes with `directory`.
inline void use_disk(const std::filesystem::path& directory)
{
    const auto space = fiona::store::disk_space(directory);
    if (space.used_percent() > 1) {
        return;
    }
    constexpr mode_t mode = 0600;
    const fiona::UniqueFd file{
        ::open((directory / "two percent").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, mode)};
    REQUIRE(::posix_fallocate(file.get(), 0, static_cast<off_t>(space.total_bytes / 50)) == 0);
    REQUIRE(fiona::store::disk_space(directory).used_percent() > 1);
}
