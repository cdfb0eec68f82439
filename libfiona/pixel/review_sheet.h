// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace fiona::pixel {

/// A PNG with a few frames of `files` as they are, one below the other, for somebody who reviews what was
/// masked: to be given de-identified files only. Made in a limited child process; this process must have
/// one thread. "" if none of them can be shown.
[[nodiscard]] std::string review_sheet(const std::vector<std::filesystem::path>& files);

} // namespace fiona::pixel
