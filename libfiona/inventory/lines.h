// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/unique_fd.h"

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>

namespace fiona::inventory {

/// The lines of a pipe or a file, one at a time.
class LineReader {
public:
    /// "-" is standard input. Throws os_error() if the file cannot be opened.
    explicit LineReader(const std::filesystem::path& file);

    /// Without its end; empty ones are left out. Nothing at the end. Throws Error{Fault::data} for a line
    /// of more than `max_line_bytes` (what was in it is skipped), os_error() if it cannot be read.
    [[nodiscard]] std::optional<std::string> next();
    [[nodiscard]] std::size_t number() const { return m_number; } ///< of the last line, from 1

    static constexpr std::size_t max_line_bytes = std::size_t{1} << 20U;

private:
    [[nodiscard]] bool refill();

    UniqueFd m_owned;
    int m_fd = 0; ///< standard input unless a file is read
    std::string m_buffer;
    std::size_t m_number = 0;
    bool m_is_over = false;
};

} // namespace fiona::inventory
