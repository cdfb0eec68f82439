// SPDX-License-Identifier: MIT
#include "libfiona/pixel/gray.h"

namespace fiona::pixel {

GrayPlane cropped(const GrayPlane& plane, const Box& box)
{
    GrayPlane part{box.x1 - box.x0, box.y1 - box.y0, {}};
    part.values.reserve(box.area());
    for (auto y = box.y0; y < box.y1; ++y) {
        part.values.insert(part.values.end(), plane.row(y) + box.x0, plane.row(y) + box.x1);
    }
    return part;
}

GrayPlane halved(const GrayPlane& plane)
{
    GrayPlane half{plane.width / 2, plane.height / 2, {}};
    half.values.resize(std::size_t{half.width} * half.height);
    for (std::uint32_t y = 0; y < half.height; ++y) {
        const auto* const upper = plane.row(2 * y);
        const auto* const lower = plane.row(2 * y + 1);
        auto* const out = half.row(y);
        for (std::size_t x = 0; x < half.width; ++x) {
            const unsigned sum =
                upper[2 * x] + 0U + upper[2 * x + 1] + lower[2 * x] + lower[2 * x + 1];
            out[x] = static_cast<std::uint8_t>((sum + 2) / 4);
        }
    }
    return half;
}

} // namespace fiona::pixel
