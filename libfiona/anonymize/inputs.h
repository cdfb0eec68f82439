// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/anonymize/settings.h"

#include <cstddef>
#include <filesystem>
#include <vector>

namespace fiona::anonymize {

/// The project's secret; empty if the settings name none. Throws Error{Fault::config} unless it is
/// a file of 32 bytes, mode 0600.
[[nodiscard]] std::vector<std::byte> read_key(const Settings& settings);
[[nodiscard]] bool have_equal_bytes(const std::filesystem::path& first,
                                    const std::filesystem::path& second);

} // namespace fiona::anonymize
