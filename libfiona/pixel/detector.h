// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/pixel/gray.h"

#include <vector>

namespace fiona::pixel {

/// A place where something is written.
struct TextBox {
    Box box;
    int confidence = 0;  ///< 0..100: the mean answer of the network over its cells
    bool certain = true; ///< false: looks a little like writing; somebody else must say

    friend bool operator==(const TextBox&, const TextBox&) = default;
};

/// Finds writing of 6 to 90 pixels height in any grey picture, in both polarities, upright or turned
/// by quarters. Knows no letters: it finds them, it does not read them. The boxes may overlap; they
/// have a margin of some pixels around the ink.
[[nodiscard]] std::vector<TextBox> find_text(const GrayPlane& plane);

/// Rectangles over the cells of a bit map (row by row, not 0: covered) that leave out what is empty,
/// where one box more saves at least `worth_it` cells. In cells.
[[nodiscard]] std::vector<Box> covering_boxes(const std::vector<std::uint8_t>& cells,
                                              std::uint32_t columns, const Box& within,
                                              std::uint64_t worth_it = 6);

} // namespace fiona::pixel
