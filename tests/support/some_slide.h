// SPDX-License-Identifier: MIT
#pragma once

#include "tests/support/temp_dir.h"

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

/// A small synthetic slide with label, macro and everything else that identifies.
class SomeSlide {
public:
    enum class Kind { usual, another };
    /// Levels are 1100 by 700 pixels and less.
    explicit SomeSlide(Kind kind = Kind::usual);

    [[nodiscard]] const std::filesystem::path& path() const { return m_path; }
    [[nodiscard]] std::size_t levels() const { return m_levels; }
    [[nodiscard]] std::uint64_t width() const { return m_width; } ///< pixels, of level 0
    /// What of the slide must not be in anything that leaves; "" if nothing of it is.
    [[nodiscard]] std::string identity_in(const std::string& bytes) const;

private:
    TempDir m_directory;
    std::filesystem::path m_path;
    std::vector<std::string> m_identity;
    std::size_t m_levels = 0;
    std::uint64_t m_width = 0;
};
