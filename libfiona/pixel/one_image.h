// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/pixel/clean.h"

namespace fiona::pixel {

class Reader;

/// The work of clean_pixels() on one file, in the process that calls it: to be called in a limited
/// child. `reader` may be null: then nothing is read. Throws Error{Fault::data} for refused files.
[[nodiscard]] CleanReport clean_one_image(const std::filesystem::path& input,
                                          const std::filesystem::path& output,
                                          const CleanOptions& options, Reader* reader);

} // namespace fiona::pixel
