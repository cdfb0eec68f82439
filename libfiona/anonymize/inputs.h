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
/// Lower-case hex. Throws Error{Fault::io} if the file cannot be read.
[[nodiscard]] std::string sha256_of_file(const std::filesystem::path& file);
[[nodiscard]] bool have_equal_bytes(const std::filesystem::path& first,
                                    const std::filesystem::path& second);

} // namespace fiona::anonymize
