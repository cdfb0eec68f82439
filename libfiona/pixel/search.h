// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/pixel/detector.h"
#include "libfiona/pixel/frame_source.h"
#include "libfiona/pixel/render.h"

#include <functional>
#include <vector>

namespace fiona::pixel {

/// What is to be hidden in one frame after another, by what a finder says about single pictures.
///
/// Text mostly stands still: only what changed since the frame before is looked at again, and what
/// was found in many frames, or in what stays the same over all of them, is hidden in all.
class TextSearch {
public:
    /// The boxes in a picture, from its corner. `views` are pictures of the same part of a frame
    /// (render()), `part` says where it lies.
    using Finder =
        std::function<std::vector<TextBox>(const std::vector<GrayPlane>& views, const Box& part)>;

    explicit TextSearch(Finder finder) : m_finder{std::move(finder)} {}

    /// Frames in their order.
    void add(Frame frame, const Appearance& appearance);
    /// What the last frame showed by itself.
    [[nodiscard]] const std::vector<TextBox>& latest() const { return m_boxes.back(); }
    /// After the last frame: the boxes of each.
    [[nodiscard]] std::vector<std::vector<TextBox>> finish();

private:
    [[nodiscard]] std::vector<TextBox> found_in(const std::vector<GrayPlane>& views,
                                                const Box& part) const;
    void remember_extremes(const GrayPlane& plane);

    Finder m_finder;
    Frame m_before;
    bool m_moved = false;
    GrayPlane m_darkest;   ///< over time: bright text that stands still over what moves
    GrayPlane m_brightest; ///< the same for dark text
    std::vector<std::vector<TextBox>> m_boxes;
};

/// The places where two frames differ, as a few boxes; empty if they are equal. Of frames of
/// different layout: everything.
[[nodiscard]] std::vector<Box> changed_parts(const Frame& before, const Frame& now);

} // namespace fiona::pixel
