// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

namespace fiona::anonymize {

/// What the pages of a PDF show, read from the SVG that `pdftocairo -svg` (poppler, cairo 1.16 and 1.18)
/// makes of them: letters of fonts there are references to glyphs, and all else is drawn.
struct PdfDrawing {
    std::vector<std::size_t> letters; ///< of each page: glyphs that can be seen
    /// Curves, slanted lines, pictures, patterns, more than a few rules: writing may be among them, as
    /// outlines or as a bar code. Also what is not understood.
    bool may_be_writing = false;
};

[[nodiscard]] PdfDrawing read_drawing(std::string_view svg);

} // namespace fiona::anonymize
