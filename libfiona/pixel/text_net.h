// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/pixel/gray.h"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace fiona::pixel {

/// How likely each 4 x 4 pixels of a picture belong to writing, 0..1.
struct TextMap {
    static constexpr std::uint32_t cell = 4;
    std::uint32_t columns = 0; ///< cells; a rest of the width or height counts as a cell
    std::uint32_t rows = 0;
    std::vector<float> values;

    [[nodiscard]] float at(std::uint32_t column, std::uint32_t row) const
    {
        return values[std::size_t{row} * columns + column];
    }
};

/// A convolutional network of about 8,000 parameters that was shown generated pictures only
/// (scripts/train-text-detector). It sees writing of 6 to 24 pixels height, upright or turned by
/// quarters, brighter or darker than what is around it. Larger writing: halve the picture.
/// Memory: some 40 bytes for each pixel of a strip of at most 1.5 million.
[[nodiscard]] TextMap text_map(const GrayPlane& plane);

} // namespace fiona::pixel
