// SPDX-License-Identifier: MIT
#include "tests/support/phantom_pixels.h"

#include "libfiona/transfer/letters.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace phantom {

namespace {

constexpr unsigned advance = fiona::transfer::letter_columns + 1; ///< with the gap

/// A small generator of our own: std's distributions differ between libraries.
class Noise {
public:
    explicit Noise(std::uint64_t seed) : m_state{seed * 0x9e3779b97f4a7c15U + 1} {}

    std::uint32_t below(std::uint32_t limit)
    {
        m_state = m_state * 6364136223846793005U + 1442695040888963407U;
        return static_cast<std::uint32_t>(m_state >> 33U) % limit;
    }

private:
    std::uint64_t m_state;
};

struct Ellipse {
    double x, y, width, height;
    int level;
};

/// U+00C0..U+00FF to capitals without accents; the second byte of their UTF-8 form decides.
char plain_letter(unsigned char second_byte)
{
    constexpr std::string_view letters = "AAAAAAACEEEEIIIIDNOOOOO OUUUUY S";
    return letters[second_byte & 0x1fU];
}

std::string drawable(std::string_view utf8)
{
    std::string result;
    for (std::size_t i = 0; i < utf8.size(); ++i) {
        const auto byte = static_cast<unsigned char>(utf8[i]);
        if (byte == 0xc3 && i + 1 < utf8.size()) {
            result += plain_letter(static_cast<unsigned char>(utf8[++i]));
        } else if (byte >= 'a' && byte <= 'z') {
            result += static_cast<char>(byte - 'a' + 'A');
        } else if ((byte & 0xc0U) != 0x80U) {
            result += utf8[i];
        }
    }
    return result;
}

void fill(Canvas& canvas, unsigned x, unsigned y, unsigned size)
{
    for (auto row = y; row < std::min(y + size, canvas.rows); ++row) {
        for (auto column = x; column < std::min(x + size, canvas.columns); ++column) {
            const auto at = (std::size_t{row} * canvas.columns + column) * canvas.samples;
            std::fill_n(canvas.bytes.begin() + static_cast<std::ptrdiff_t>(at), canvas.samples,
                        std::uint8_t{255});
        }
    }
}

} // namespace

std::vector<std::uint16_t> gray_slice(unsigned rows, unsigned columns, unsigned seed)
{
    constexpr std::array<Ellipse, 6> figure{{{0, 0, .72, .9, 900},
                                             {0, 0, .66, .84, 600},
                                             {.2, 0, .12, .3, -400},
                                             {-.2, 0, .15, .35, -500},
                                             {0, .35, .22, .2, 360},
                                             {0, -.6, .08, .08, 520}}};
    Noise noise{seed};
    std::vector<std::uint16_t> pixels;
    pixels.reserve(std::size_t{rows} * columns);
    for (unsigned row = 0; row < rows; ++row) {
        for (unsigned column = 0; column < columns; ++column) {
            const double x = 2.0 * column / columns - 1.0;
            const double y = 2.0 * row / rows - 1.0;
            int level = static_cast<int>(noise.below(48));
            for (const auto& part : figure) {
                const double inside = std::pow((x - part.x) / part.width, 2)
                                      + std::pow((y - part.y) / part.height, 2);
                level += inside < 1.0 ? part.level : 0;
            }
            pixels.push_back(static_cast<std::uint16_t>(std::clamp(level, 0, 4095)));
        }
    }
    return pixels;
}

Canvas plain_canvas(unsigned rows, unsigned columns, unsigned samples, std::uint8_t level)
{
    return {rows, columns, samples,
            std::vector<std::uint8_t>(std::size_t{rows} * columns * samples, level)};
}

Canvas ultrasound_fan(unsigned rows, unsigned columns, unsigned seed)
{
    auto canvas = plain_canvas(rows, columns, 3, 0);
    Noise noise{seed};
    std::size_t at = 0;
    for (unsigned row = 0; row < rows; ++row) {
        for (unsigned column = 0; column < columns; ++column, at += 3) {
            const double x = static_cast<double>(column) - columns / 2.0;
            const double y = static_cast<double>(row) - rows * 0.15;
            const double radius = std::hypot(x, y) / rows;
            const bool inside = y > 0 && radius > 0.1 && radius < 0.8 && std::abs(x) < y * 0.8;
            const auto level = static_cast<std::uint8_t>(inside ? 20 + noise.below(120) : 0);
            std::fill_n(canvas.bytes.begin() + static_cast<std::ptrdiff_t>(at), 3, level);
        }
    }
    return canvas;
}

DrawnBox draw_text(Canvas& canvas, unsigned x, unsigned y, unsigned scale, std::string_view utf8)
{
    const auto text = drawable(utf8);
    unsigned left = x;
    for (const char c : text) {
        fiona::transfer::draw_letter(c, [&](unsigned column, unsigned row) {
            fill(canvas, left + column * scale, y + row * scale, scale);
        });
        left += advance * scale;
    }
    return {x, y, std::min(left, canvas.columns) - x, fiona::transfer::letter_rows * scale};
}

} // namespace phantom
