// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/unique_fd.h"

#include <filesystem>
#include <string>
#include <string_view>

namespace fiona::redcap {

/// A few numbers that the tools of a site share, in a small file below `<state>`: locked with
/// flock(2) while the object lives, which is for an instant. A process killed inside may leave half
/// a text: readers take what they cannot read for nothing.
class SharedText {
public:
    /// Makes the file and its directory if need be.
    explicit SharedText(const std::filesystem::path& file);

    /// At most 256 bytes.
    [[nodiscard]] std::string read() const;
    /// A courtesy to the other tools: a full disk must not stop this one.
    void write(std::string_view text) const;

private:
    UniqueFd m_fd;
};

} // namespace fiona::redcap
