// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/unique_fd.h"

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <optional>

namespace fiona {

/// Holds an exclusive flock(2) on a file for as long as the object lives. The kernel drops
/// the lock when the process dies, so there is no stale lock to clean up. The file stays; it
/// holds the pid of the last holder, for people. A forked child shares the lock: it must destroy its
/// copy of the object, or the lock outlives the parent.
class FileLock {
public:
    /// Throws Error{Fault::temporary} naming the holder's pid if another process holds the lock
    /// and does not let go within `patience`.
    explicit FileLock(const std::filesystem::path& path,
                      std::chrono::milliseconds patience = std::chrono::milliseconds{0});

    /// The pid of whoever holds the lock now; nothing if it is free or was never taken. Throws
    /// os_error() if we may not look: then nobody must believe that it is free.
    [[nodiscard]] static std::optional<pid_t> holder(const std::filesystem::path& path);

private:
    UniqueFd m_fd;
};

} // namespace fiona
