// SPDX-License-Identifier: MIT
#include "libfiona/pixel/gray.h"
#include "libfiona/pixel/local_contrast.h"

#include <catch2/catch.hpp>

#include <cmath>
#include <random>

using namespace fiona::pixel;

namespace {

GrayPlane grain(std::uint32_t width, std::uint32_t height)
{
    std::mt19937 numbers{7};
    GrayPlane plane{width, height, {}};
    for (std::size_t i = 0; i < std::size_t{width} * height; ++i) {
        plane.values.push_back(static_cast<std::uint8_t>(numbers() & 0xffU));
    }
    return plane;
}

/// As the header of LocalContrast says it, number by number.
double contrast_at(const GrayPlane& plane, std::uint32_t x, std::uint32_t y)
{
    const auto window = Box{x, y, x + 1, y + 1}.grown(16, plane.width, plane.height);
    double sum = 0;
    double squares = 0;
    for (auto row = window.y0; row < window.y1; ++row) {
        for (auto column = window.x0; column < window.x1; ++column) {
            const double value = plane.row(row)[column];
            sum += value;
            squares += value * value;
        }
    }
    const auto mean = sum / static_cast<double>(window.area());
    const auto variance = squares / static_cast<double>(window.area()) - mean * mean;
    return (plane.row(y)[x] - mean) / (std::sqrt(std::max(0.0, variance)) + 6);
}

} // namespace

TEST_CASE("the local contrast is that of the 33 x 33 around a pixel, at the edges of what is there")
{
    const auto [width, height] =
        GENERATE(std::pair{70U, 50U}, std::pair{9U, 40U}, std::pair{1U, 1U}, std::pair{33U, 17U},
                 std::pair{32U, 90U});
    CAPTURE(width, height);
    const auto plane = grain(width, height);
    LocalContrast contrast{plane};
    std::vector<float> row(width);
    double worst = 0;

    for (std::uint32_t y = 0; y < height; ++y) {
        contrast.next(row.data());
        for (std::uint32_t x = 0; x < width; ++x) {
            worst =
                std::max(worst, std::abs(static_cast<double>(row[x]) - contrast_at(plane, x, y)));
        }
    }

    CHECK(worst < 1e-4);
}

TEST_CASE("a picture turned by a quarter has its left column on top")
{
    const GrayPlane plane{3, 2, {1, 2, 3, 4, 5, 6}};

    const auto once = turned(plane, 1);

    CHECK(once.width == 2);
    CHECK(once.height == 3);
    CHECK(once.values == std::vector<std::uint8_t>{4, 1, 5, 2, 6, 3});
    CHECK(turned(plane, 2).values == std::vector<std::uint8_t>{6, 5, 4, 3, 2, 1});
    CHECK(turned(once, 3).values == plane.values);
}

TEST_CASE("a picture keeps its brightness when it is made larger or smaller")
{
    const float factor = GENERATE(0.2F, 0.5F, 0.8F, 1.0F, 2.5F, 4.0F);
    CAPTURE(factor);
    GrayPlane plane{40, 30, std::vector<std::uint8_t>(1200, 10)};
    std::fill(plane.values.begin() + 600, plane.values.end(), std::uint8_t{200}); // lower half

    const auto result = scaled(plane, factor);

    CHECK(result.width == static_cast<std::uint32_t>(std::lround(40 * factor)));
    CHECK(result.height == static_cast<std::uint32_t>(std::lround(30 * factor)));
    CHECK(result.row(0)[0] == 10);
    CHECK(result.row(result.height - 1)[result.width - 1] == 200);
}

TEST_CASE("the smallest picture stays one")
{
    const auto result = scaled({1, 1, {77}}, 0.25F);

    CHECK(result.values == std::vector<std::uint8_t>{77});
    CHECK(inverted(result).values == std::vector<std::uint8_t>{178});
}
