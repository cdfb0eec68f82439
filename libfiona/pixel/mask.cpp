// SPDX-License-Identifier: MIT
#include "libfiona/pixel/mask.h"

#include <array>

namespace fiona::pixel {

namespace {

/// The bits of one stored gray or palette value.
std::uint16_t gray_word(const PixelLayout& layout, int darkest)
{
    const int most =
        layout.is_signed ? (1 << (layout.bits_stored - 1)) - 1 : (1 << layout.bits_stored) - 1;
    const int least = layout.is_signed ? -(1 << (layout.bits_stored - 1)) : 0;
    int value = least;
    if (layout.photometric == Photometric::monochrome1) {
        value = most;
    } else if (layout.photometric == Photometric::palette) {
        value = std::clamp(darkest, least, most);
    }
    const auto shift = layout.high_bit + 1 - layout.bits_stored;
    return static_cast<std::uint16_t>(static_cast<unsigned>(value) << shift);
}

void paint_gray(Frame& frame, const Box& box, int darkest)
{
    const auto word = gray_word(frame.layout, darkest);
    const auto low = static_cast<std::uint8_t>(word);
    const auto high = static_cast<std::uint8_t>(word >> 8U);
    const auto width = frame.layout.bytes_per_sample();
    for (auto y = box.y0; y < box.y1; ++y) {
        auto* at = frame.samples.data() + (std::size_t{y} * frame.layout.columns + box.x0) * width;
        for (auto x = box.x0; x < box.x1; ++x) {
            *at++ = low;
            if (width == 2) {
                *at++ = high;
            }
        }
    }
}

std::array<std::uint8_t, 3> black_of(Photometric photometric)
{
    switch (photometric) {
    case Photometric::ybr_full:
    case Photometric::ybr_full_422: return {0, 128, 128};
    case Photometric::ybr_partial_422: return {16, 128, 128};
    default: return {0, 0, 0};
    }
}

void paint_colour(Frame& frame, const Box& box)
{
    const auto& layout = frame.layout;
    const auto black = black_of(layout.photometric);
    for (auto y = box.y0; y < box.y1; ++y) {
        for (auto x = box.x0; x < box.x1; ++x) {
            const auto index = std::size_t{y} * layout.columns + x;
            for (std::size_t sample = 0; sample < 3; ++sample) {
                const auto at =
                    layout.is_planar ? sample * layout.pixels() + index : 3 * index + sample;
                frame.samples[at] = black[sample];
            }
        }
    }
}

void paint_pairs(Frame& frame, const Box& box)
{
    const auto black = black_of(frame.layout.photometric);
    for (auto y = box.y0; y < box.y1; ++y) {
        for (auto x = box.x0 / 2; x < (box.x1 + 1) / 2; ++x) {
            const auto at = (std::size_t{y} * frame.layout.columns / 2 + x) * 4;
            frame.samples[at] = frame.samples[at + 1] = black[0];
            frame.samples[at + 2] = black[1];
            frame.samples[at + 3] = black[2];
        }
    }
}

} // namespace

void paint(Frame& frame, const std::vector<Box>& boxes, int darkest)
{
    for (const auto& wanted : boxes) {
        const Box box{wanted.x0, wanted.y0, std::min(wanted.x1, frame.layout.columns),
                      std::min(wanted.y1, frame.layout.rows)};
        if (box.is_empty()) {
            continue;
        }
        if (frame.layout.is_gray()) {
            paint_gray(frame, box, darkest);
        } else if (frame.layout.is_subsampled()) {
            paint_pairs(frame, box);
        } else {
            paint_colour(frame, box);
        }
    }
}

} // namespace fiona::pixel
