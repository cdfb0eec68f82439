// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/pixel/detector.h"
#include "libfiona/pixel/judge.h"
#include "tests/support/phantom_pixels.h"

#include <algorithm>
#include <cstdint>
#include <random>
#include <stdexcept>
#include <vector>

/// Mottle with features of `cell` pixels, `amplitude` grey levels around the middle.
inline phantom::Canvas mottle(unsigned rows, unsigned columns, unsigned cell, double amplitude,
                              std::uint32_t seed)
{
    std::mt19937 random{seed};
    const auto across = columns / cell + 2;
    std::vector<double> knots(std::size_t{rows / cell + 2} * across);
    std::ranges::generate(knots,
                          [&] { return static_cast<double>(random()) / 4294967295.0 - 0.5; });
    auto canvas = phantom::plain_canvas(rows, columns, 1, 0);
    for (unsigned y = 0; y < rows; ++y) {
        for (unsigned x = 0; x < columns; ++x) {
            const auto at = std::size_t{y / cell} * across + x / cell;
            const auto right = static_cast<double>(x % cell) / cell;
            const auto down = static_cast<double>(y % cell) / cell;
            const auto upper = knots[at] * (1 - right) + knots[at + 1] * right;
            const auto lower = knots[at + across] * (1 - right) + knots[at + across + 1] * right;
            const auto value = upper * (1 - down) + lower * down;
            canvas.bytes[std::size_t{y} * columns + x] =
                static_cast<std::uint8_t>(std::clamp(100 + 2 * amplitude * value, 0.0, 255.0));
        }
    }
    return canvas;
}

/// A picture whose texture looks a little like writing: the detector is in doubt about much of it,
/// and certain of nothing. Which one that is depends on its weights, so it is looked for.
inline phantom::Canvas doubtful_picture()
{
    constexpr unsigned rows = 128;
    constexpr unsigned columns = 256;
    constexpr std::uint32_t most_tries = 6000;
    for (std::uint32_t number = 0; number < most_tries; ++number) {
        auto canvas = mottle(rows, columns, 2 + number % 6, 4 + number / 6 * 2 % 90, number);
        std::uint64_t doubtful = 0;
        bool is_certain = false;
        for (const auto& text : fiona::pixel::find_text({columns, rows, canvas.bytes})) {
            doubtful = std::max(doubtful, text.box.area());
            is_certain = is_certain || text.certain;
        }
        const auto share = static_cast<double>(doubtful) / (rows * columns);
        if (!is_certain && share > 2 * fiona::pixel::most_unsure_share) {
            return canvas;
        }
    }
    throw std::runtime_error{"no picture is doubtful any more"};
}
