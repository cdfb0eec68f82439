// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/unique_fd.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>

/// A file that no disk has, for parsers that open their file themselves.
class MemoryFile {
public:
    MemoryFile(const std::uint8_t* data, std::size_t size)
        : m_fd{::memfd_create("fuzz", MFD_CLOEXEC)}
    {
        m_is_whole = ::write(m_fd.get(), data, size) == static_cast<ssize_t>(size);
    }
    [[nodiscard]] bool is_whole() const { return m_is_whole; }
    [[nodiscard]] int fd() const { return m_fd.get(); }
    [[nodiscard]] std::filesystem::path path() const
    {
        return "/proc/self/fd/" + std::to_string(m_fd.get());
    }

private:
    fiona::UniqueFd m_fd;
    bool m_is_whole = false;
};
