// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/pixel/gray.h"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace fiona::pixel {

/// The rows of a picture from top to bottom, each pixel as (value - mean) / (deviation + 6) of the
/// 33 x 33 around it (fewer at the edges): what the network was trained on. Keeps sums of columns only.
class LocalContrast {
public:
    /// `plane` must outlive this.
    explicit LocalContrast(const GrayPlane& plane);

    /// Writes the next row, plane.width numbers, to `out`. Not more often than there are rows.
    void next(float* out);

private:
    void slide();

    const GrayPlane& m_plane;
    std::uint32_t m_row = 0; ///< the next one
    std::uint32_t m_top = 0; ///< rows [top, bottom) are in the sums
    std::uint32_t m_bottom = 0;
    std::vector<std::uint32_t> m_sums;    ///< of each column of the window
    std::vector<std::uint32_t> m_squares; ///< of the squares
    // Of the columns left of each, modulo 2^32: differences over a window are smaller than that.
    std::vector<std::uint32_t> m_sums_before;
    std::vector<std::uint32_t> m_squares_before;
};

} // namespace fiona::pixel
