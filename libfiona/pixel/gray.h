// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace fiona::pixel {

/// Pixels from the top left corner; x1 and y1 are one behind the last.
struct Box {
    std::uint32_t x0 = 0, y0 = 0, x1 = 0, y1 = 0;

    [[nodiscard]] bool is_empty() const { return x1 <= x0 || y1 <= y0; }
    [[nodiscard]] std::uint64_t area() const
    {
        return is_empty() ? 0 : std::uint64_t{x1 - x0} * (y1 - y0);
    }
    [[nodiscard]] bool meets(const Box& other) const
    {
        return x0 < other.x1 && other.x0 < x1 && y0 < other.y1 && other.y0 < y1;
    }
    [[nodiscard]] bool covers(const Box& other) const
    {
        return x0 <= other.x0 && y0 <= other.y0 && x1 >= other.x1 && y1 >= other.y1;
    }
    /// The smallest box around both.
    [[nodiscard]] Box joined(const Box& other) const
    {
        return {std::min(x0, other.x0), std::min(y0, other.y0), std::max(x1, other.x1),
                std::max(y1, other.y1)};
    }
    /// `margin` more on every side, inside a picture of width x height.
    [[nodiscard]] Box grown(std::uint32_t margin, std::uint32_t width, std::uint32_t height) const
    {
        return {x0 - std::min(x0, margin), y0 - std::min(y0, margin), std::min(x1 + margin, width),
                std::min(y1 + margin, height)};
    }

    friend auto operator<=>(const Box&, const Box&) = default;
};

/// A picture of one byte a pixel, 0 black: what the detector looks at.
struct GrayPlane {
    std::uint32_t width = 0;
    std::uint32_t height = 0;
    std::vector<std::uint8_t> values;

    [[nodiscard]] const std::uint8_t* row(std::uint32_t y) const
    {
        return values.data() + std::size_t{y} * width;
    }
    [[nodiscard]] std::uint8_t* row(std::uint32_t y)
    {
        return values.data() + std::size_t{y} * width;
    }
};

/// The part of `plane` inside `box`, which lies in it.
[[nodiscard]] GrayPlane cropped(const GrayPlane& plane, const Box& box);
/// Half the width and height, the mean of each 2 x 2; an odd last row or column is dropped.
[[nodiscard]] GrayPlane halved(const GrayPlane& plane);
/// White where it was black.
[[nodiscard]] GrayPlane inverted(const GrayPlane& plane);
/// Turned clockwise by so many quarters.
[[nodiscard]] GrayPlane turned(const GrayPlane& plane, unsigned quarters);
/// `factor` times as wide and high, at least one pixel; interpolated between neighbours.
[[nodiscard]] GrayPlane scaled(const GrayPlane& plane, float factor);

} // namespace fiona::pixel
