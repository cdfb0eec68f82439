// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/pixel/frame_codec.h"
#include "libfiona/pixel/gray.h"

#include <vector>

namespace fiona::pixel {

/// Fills the boxes with what a viewer shows as black: the greatest value of MONOCHROME1, the least of
/// MONOCHROME2, zero of RGB, Y 0 (16 in the partial range) and neutral chrominance, `darkest` of a
/// palette. Every sample outside is left alone; where two neighbours share their chrominance, a box
/// is widened to whole pairs.
void paint(Frame& frame, const std::vector<Box>& boxes, int darkest = 0);

} // namespace fiona::pixel
