// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/wsi/strip_plan.h"

#include <filesystem>
#include <string>

namespace fiona::wsi {

/// Reads a stripped copy as a stranger would, and holds it against its source: its directories, every byte
/// of it, and pixels of every level. Gives its SHA-256. Throws Error{Fault::data} at the first doubt.
[[nodiscard]] std::string verified_digest(const Slide& source, const std::filesystem::path& copy,
                                          const StripPlan& plan, const StripOptions& options);

} // namespace fiona::wsi
