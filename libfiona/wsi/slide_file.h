// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/unique_fd.h"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <vector>

namespace fiona::wsi {

/// A slide's file, read piece by piece with pread(2): slides are larger than memory, and a mapped file
/// that shrinks would end the process. Threads may share one.
class SlideFile {
public:
    /// Throws Error{Fault::missing} if there is none, Fault::data if it is no regular file, Fault::io.
    explicit SlideFile(const std::filesystem::path& path);

    [[nodiscard]] std::uint64_t size() const { return m_size; } ///< bytes, when it was opened
    [[nodiscard]] int fd() const { return m_fd.get(); }

    /// Fills all of `into`. Throws Error{Fault::data} if a part of it lies outside the file.
    void read(std::uint64_t offset, std::span<std::byte> into) const;
    /// `count` is held against the file's size before memory is taken.
    [[nodiscard]] std::vector<std::byte> read(std::uint64_t offset, std::uint64_t count) const;

private:
    UniqueFd m_fd;
    std::uint64_t m_size = 0;
};

} // namespace fiona::wsi
