// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/mode.h"

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace fiona::site {

/// Makes what is missing and never touches what is there. Every file appears complete or not at
/// all, so a run that was killed is completed by the next one.
class Builder {
public:
    explicit Builder(Mode mode) : m_mode{mode} {}

    void directory(const std::filesystem::path& path, mode_t mode);
    void file(const std::filesystem::path& path, std::string_view content, mode_t mode);
    /// For what somebody else makes: true if it is missing and shall be made now.
    [[nodiscard]] bool must_make(const std::filesystem::path& path);

    [[nodiscard]] Mode mode() const { return m_mode; }
    /// In the order of the calls.
    [[nodiscard]] const std::vector<std::filesystem::path>& made() const { return m_made; }
    [[nodiscard]] const std::vector<std::filesystem::path>& kept() const { return m_kept; }

private:
    Mode m_mode;
    std::vector<std::filesystem::path> m_made;
    std::vector<std::filesystem::path> m_kept;
};

} // namespace fiona::site
