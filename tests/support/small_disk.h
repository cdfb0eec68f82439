// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/unique_fd.h"

#include <fcntl.h>
#include <sys/mount.h>

#include <filesystem>
#include <string>

/// A disk of its own (tmpfs) on a directory, for as long as the object lives. Only root may.
class SmallDisk {
public:
    /// `size` as tmpfs takes it: "4m".
    SmallDisk(std::filesystem::path directory, const std::string& size)
        : m_directory{std::move(directory)}
    {
        std::filesystem::create_directories(m_directory);
        m_is_mounted =
            ::mount("tmpfs", m_directory.c_str(), "tmpfs", 0, ("size=" + size).c_str()) == 0;
        m_root = fiona::UniqueFd{::open(m_directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)};
    }
    SmallDisk(const SmallDisk&) = delete;
    SmallDisk& operator=(const SmallDisk&) = delete;
    ~SmallDisk() { unmount(); }

    [[nodiscard]] bool is_mounted() const { return m_is_mounted; }
    void unmount()
    {
        if (m_is_mounted) {
            // By descriptor: somebody may have renamed a directory above it.
            ::umount2(("/proc/self/fd/" + std::to_string(m_root.get())).c_str(), MNT_DETACH);
            m_is_mounted = false;
        }
    }

private:
    std::filesystem::path m_directory;
    fiona::UniqueFd m_root{};
    bool m_is_mounted = false;
};
