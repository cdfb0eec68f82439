// SPDX-License-Identifier: MIT
#include "libfiona/pixel/local_contrast.h"

#include <cmath>

namespace fiona::pixel {

namespace {

constexpr std::uint32_t reach = 16;

/// Adds a row to the sums, or takes it out (`sign` -1, modulo 2^32).
[[gnu::target_clones("avx2", "default")]] void take(const std::uint8_t* row, std::uint32_t sign,
                                                    std::size_t width, std::uint32_t* sums,
                                                    std::uint32_t* squares)
{
    for (std::size_t x = 0; x < width; ++x) {
        const std::uint32_t value = row[x];
        sums[x] += sign * value;
        squares[x] += sign * (value * value);
    }
}

/// A run of pixels whose windows have all the same number of columns, or one pixel.
struct Run {
    const std::uint8_t* values;
    const std::uint32_t* sums_before; ///< of the left edge of the window of the first pixel
    const std::uint32_t* squares_before;
    std::size_t columns; ///< of the window
    std::size_t rows;
    std::size_t count;
};

[[gnu::target_clones("avx512f", "avx2", "default")]] void contrast(const Run& run, float* out)
{
    const auto share = 1.0F / static_cast<float>(run.columns * run.rows);
    for (std::size_t x = 0; x < run.count; ++x) {
        // Signed: conversions of those are one instruction. A window holds less than 2^31.
        const auto sum =
            static_cast<std::int32_t>(run.sums_before[x + run.columns] - run.sums_before[x]);
        const auto square =
            static_cast<std::int32_t>(run.squares_before[x + run.columns] - run.squares_before[x]);
        const auto mean = static_cast<float>(sum) * share;
        const auto variance = static_cast<float>(square) * share - mean * mean;
        const auto deviation = std::sqrt(variance > 0.0F ? variance : 0.0F);
        out[x] = (static_cast<float>(run.values[x]) - mean) / (deviation + 6);
    }
}

} // namespace

LocalContrast::LocalContrast(const GrayPlane& plane)
    : m_plane{plane}, m_sums(plane.width), m_squares(plane.width),
      m_sums_before(std::size_t{plane.width} + 1), m_squares_before(std::size_t{plane.width} + 1)
{
}

/// Moves the window to the next row.
void LocalContrast::slide()
{
    const auto add = [&](std::uint32_t y, std::uint32_t sign) {
        take(m_plane.row(y), sign, m_plane.width, m_sums.data(), m_squares.data());
    };
    while (m_bottom < std::min(m_plane.height, m_row + reach + 1)) {
        add(m_bottom++, 1);
    }
    while (m_top + reach < m_row) {
        add(m_top++, ~std::uint32_t{0});
    }
    std::uint32_t sum = 0;
    std::uint32_t square = 0;
    for (std::size_t x = 0; x < m_plane.width; ++x) {
        sum += m_sums[x];
        square += m_squares[x];
        m_sums_before[x + 1] = sum;
        m_squares_before[x + 1] = square;
    }
}

void LocalContrast::next(float* out)
{
    slide();
    const std::size_t width = m_plane.width;
    const auto pixels = [&](std::size_t x, std::size_t count) {
        const auto left = x - std::min<std::size_t>(x, reach);
        const auto right = std::min<std::size_t>(width, x + reach + 1);
        contrast({m_plane.row(m_row) + x, m_sums_before.data() + left,
                  m_squares_before.data() + left, right - left, m_bottom - m_top, count},
                 out + x);
    };
    const auto inner_end =
        std::max<std::size_t>(reach, width - std::min<std::size_t>(width, reach));
    for (std::size_t x = 0; x < std::min<std::size_t>(width, reach); ++x) {
        pixels(x, 1);
    }
    if (inner_end > reach) {
        pixels(reach, inner_end - reach);
    }
    for (std::size_t x = inner_end; x < width; ++x) {
        pixels(x, 1);
    }
    ++m_row;
}

} // namespace fiona::pixel
