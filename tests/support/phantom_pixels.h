// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace phantom {

/// A head-like figure with noise, 12 bit.
[[nodiscard]] std::vector<std::uint16_t> gray_slice(unsigned rows, unsigned columns, unsigned seed);

/// 8 bit samples, interleaved.
struct Canvas {
    unsigned rows = 0;
    unsigned columns = 0;
    unsigned samples = 1; ///< per pixel
    std::vector<std::uint8_t> bytes;
};

[[nodiscard]] Canvas plain_canvas(unsigned rows, unsigned columns, unsigned samples,
                                  std::uint8_t level);
/// Speckle inside a fan on black.
[[nodiscard]] Canvas ultrasound_fan(unsigned rows, unsigned columns, unsigned seed);

struct DrawnBox {
    unsigned x = 0, y = 0, width = 0, height = 0;
};
/// White text in a 5x7 font, each dot `scale` pixels wide and high. Letters become capitals without
/// accents; what the font lacks is a blank. Dots outside the canvas are cut off.
DrawnBox draw_text(Canvas& canvas, unsigned x, unsigned y, unsigned scale, std::string_view utf8);

} // namespace phantom
