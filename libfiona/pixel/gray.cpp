// SPDX-License-Identifier: MIT
#include "libfiona/pixel/gray.h"

#include <cmath>

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

GrayPlane inverted(const GrayPlane& plane)
{
    auto result = plane;
    for (auto& value : result.values) {
        value = static_cast<std::uint8_t>(255 - value);
    }
    return result;
}

GrayPlane turned(const GrayPlane& plane, unsigned quarters)
{
    auto result = plane;
    for (unsigned i = 0; i < quarters % 4; ++i) {
        const auto before = std::move(result);
        result = {before.height, before.width, std::vector<std::uint8_t>(before.values.size())};
        for (std::uint32_t y = 0; y < before.height; ++y) {
            for (std::uint32_t x = 0; x < before.width; ++x) {
                result.row(x)[before.height - 1 - y] = before.row(y)[x];
            }
        }
    }
    return result;
}

GrayPlane scaled(const GrayPlane& plane, float factor)
{
    auto source = plane;
    while (factor <= 0.5F && std::min(source.width, source.height) > 1) {
        source = halved(source); // what is left out between two points would be missed
        factor *= 2;
    }
    const auto size = [&](std::uint32_t side) {
        return std::max(1U,
                        static_cast<std::uint32_t>(std::lround(static_cast<float>(side) * factor)));
    };
    GrayPlane result{size(source.width), size(source.height), {}};
    result.values.resize(std::size_t{result.width} * result.height);
    struct Place {
        std::uint32_t first, second;
        float share; ///< of the second
    };
    const auto place = [&](std::uint32_t at, std::uint32_t side) {
        const auto exact = std::max(0.0F, (static_cast<float>(at) + 0.5F) / factor - 0.5F);
        const auto first = std::min(side - 1, static_cast<std::uint32_t>(exact));
        return Place{first, std::min(side - 1, first + 1), exact - static_cast<float>(first)};
    };
    for (std::uint32_t y = 0; y < result.height; ++y) {
        const auto down = place(y, source.height);
        for (std::uint32_t x = 0; x < result.width; ++x) {
            const auto across = place(x, source.width);
            const auto mixed = [&](std::uint32_t row) {
                const auto* const values = source.row(row);
                return static_cast<float>(values[across.first]) * (1 - across.share)
                       + static_cast<float>(values[across.second]) * across.share;
            };
            const auto value =
                mixed(down.first) * (1 - down.share) + mixed(down.second) * down.share;
            result.row(y)[x] = static_cast<std::uint8_t>(std::clamp(value + 0.5F, 0.0F, 255.0F));
        }
    }
    return result;
}

} // namespace fiona::pixel
