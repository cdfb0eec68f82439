// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/dates.h"

#include <filesystem>
#include <optional>
#include <string>

namespace fiona::routing {

/// `<state>/autoid.json`: until when everything was handled, and which key was in use. Without it the
/// next run looks at all of INCOMING once.
struct AutoIdMemory {
    std::optional<TimePoint> handled_until;
    std::string key; ///< its fingerprint

    /// What is not there or cannot be read is forgotten.
    [[nodiscard]] static AutoIdMemory load(const std::filesystem::path& file);
    void save(const std::filesystem::path& file) const;

    friend bool operator==(const AutoIdMemory&, const AutoIdMemory&) = default;
};

} // namespace fiona::routing
