// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/pixel/detector.h"

#include <vector>

namespace fiona::pixel {

/// What is missing at the ends of lines of writing. Where the ground beside a line is even, ink within
/// a line height of it is writing too, whether the network saw it or not; strokes as of rulers
/// and frames are not followed. Returns boxes to be added.
[[nodiscard]] std::vector<TextBox> line_ends(const GrayPlane& plane,
                                             const std::vector<TextBox>& found);

} // namespace fiona::pixel
