// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/pixel/frame_codec.h"
#include "libfiona/pixel/gray.h"

#include <array>
#include <optional>
#include <vector>

class DcmItem;

namespace fiona::pixel {

/// What the header says about how stored values look: the palette, the window.
struct Appearance {
    /// One grey value (the luma of the colour) for each stored value from `first_mapped` on.
    struct Palette {
        int first_mapped = 0;
        std::vector<std::array<std::uint8_t, 3>> colours;
    };
    std::optional<Palette> palette;
    /// Stored values that are black and white (PS3.3 §C.11.2, rescale undone); the first window.
    struct Window {
        double low = 0;
        double high = 0;
    };
    std::optional<Window> window;

    /// Throws Error{Fault::data} if a palette image has no palette, a broken or a segmented one.
    [[nodiscard]] static Appearance read(DcmItem& data_set, const PixelLayout& layout);
};

/// Grey pictures of a frame in which everything that a viewer could show stands out: the first as a
/// viewer shows it; one through the window if that differs much; one of the colourfulness if there
/// is colour.
[[nodiscard]] std::vector<GrayPlane> render(const Frame& frame, const Appearance& appearance);

} // namespace fiona::pixel
