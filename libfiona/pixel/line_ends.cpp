// SPDX-License-Identifier: MIT
#include "libfiona/pixel/line_ends.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <optional>
#include <utility>

namespace fiona::pixel {

namespace {

constexpr std::uint32_t margin = 4; ///< of the boxes, detector.cpp
constexpr int most_steps = 3;       ///< along one end
constexpr int least_contrast = 30;  ///< of ink on an even ground
constexpr std::size_t even_of_ten =
    5; ///< so many pixels of an even ground are within `even_levels`
constexpr int even_levels = 8;

/// A picture, or the same picture turned: lines are looked at as if all were upright.
class View {
public:
    View(const GrayPlane& plane, bool is_turned) : m_plane{plane}, m_is_turned{is_turned} {}

    [[nodiscard]] std::uint32_t width() const
    {
        return m_is_turned ? m_plane.height : m_plane.width;
    }
    [[nodiscard]] int at(std::uint32_t x, std::uint32_t y) const
    {
        return m_is_turned ? m_plane.row(x)[y] : m_plane.row(y)[x];
    }
    [[nodiscard]] Box seen(const Box& box) const
    {
        return m_is_turned ? Box{box.y0, box.x0, box.y1, box.x1} : box;
    }

private:
    const GrayPlane& m_plane;
    bool m_is_turned;
};

using Histogram = std::array<std::uint32_t, 256>;

Histogram histogram_of(const View& view, const Box& box)
{
    Histogram counts{};
    for (auto y = box.y0; y < box.y1; ++y) {
        for (auto x = box.x0; x < box.x1; ++x) {
            ++counts.at(static_cast<std::size_t>(view.at(x, y)));
        }
    }
    return counts;
}

/// The level of most pixels, if the ground is even.
std::optional<int> ground_of(const View& view, const Box& strip)
{
    const auto counts = histogram_of(view, strip);
    const auto* const most = std::ranges::max_element(counts);
    const auto level = static_cast<int>(most - counts.begin());
    std::uint64_t near = 0;
    for (auto i = std::max(0, level - even_levels); i <= std::min(255, level + even_levels); ++i) {
        near += counts.at(static_cast<std::size_t>(i));
    }
    return near * 10 >= strip.area() * even_of_ten ? std::optional{level} : std::nullopt;
}

/// What the letters of a line are drawn with.
struct Pen {
    int level = 0;
    int contrast = 0; ///< against the ground
};

/// The strongest twentieth of a line, on the side of the ground where more of it is.
Pen pen_of(const View& view, const Box& line, int ground)
{
    const auto counts = histogram_of(view, line);
    const auto strongest = [&](int side) {
        std::uint64_t rest = line.area() / 20;
        for (auto level = side > 0 ? 255 : 0; level != ground; level -= side) {
            const std::uint64_t here = counts.at(static_cast<std::size_t>(level));
            if (here > rest) {
                return Pen{level, std::abs(level - ground)};
            }
            rest -= here;
        }
        return Pen{ground, 0};
    };
    const auto bright = strongest(1);
    const auto dark = strongest(-1);
    return bright.contrast >= dark.contrast ? bright : dark;
}

struct Ink {
    std::uint32_t first = 0, last = 0;   ///< columns
    std::uint32_t columns = 0, rows = 0; ///< with ink
    std::uint64_t pixels = 0;
    std::uint64_t doubtful = 0; ///< neither ground nor ink
};

Ink ink_of(const View& view, const Box& strip, int ground, const Pen& pen)
{
    Ink ink;
    ink.first = strip.x1;
    std::vector<std::uint8_t> rows(strip.y1 - strip.y0);
    for (auto x = strip.x0; x < strip.x1; ++x) {
        bool has_ink = false;
        for (auto y = strip.y0; y < strip.y1; ++y) {
            const auto value = view.at(x, y);
            if (2 * std::abs(value - pen.level) <= pen.contrast) {
                has_ink = true;
                rows[y - strip.y0] = 1;
                ++ink.pixels;
            } else if (std::abs(value - ground) > even_levels) {
                ++ink.doubtful;
            }
        }
        if (has_ink) {
            ink.first = std::min(ink.first, x);
            ink.last = x;
            ++ink.columns;
        }
    }
    ink.rows = static_cast<std::uint32_t>(std::ranges::count(rows, 1));
    return ink;
}

/// A glyph is neither a stroke along the line, nor one across it that goes on outside, nor a surface.
bool is_glyph(const Ink& ink, const Box& strip)
{
    const auto height = strip.y1 - strip.y0;
    constexpr std::uint32_t thickest_stroke = 3;
    // Letters have gaps between them; the trace of a heart has none.
    const bool is_trace =
        ink.columns == strip.x1 - strip.x0 && ink.pixels < std::uint64_t{4} * ink.columns;
    return !is_trace && ink.columns > 1 && ink.rows > thickest_stroke && ink.rows < height
           && ink.pixels * 2 < strip.area() && ink.doubtful * 4 < strip.area();
}

enum class Side { before, behind };

/// The part beside `line` that belongs to it.
std::optional<Box> next_part(const View& view, const Box& line, const Box& text, Side side)
{
    const auto reach = line.y1 - line.y0;
    const auto strip = side == Side::behind
                           ? Box{line.x1, line.y0, std::min(line.x1 + reach, view.width()), line.y1}
                           : Box{line.x0 - std::min(line.x0, reach), line.y0, line.x0, line.y1};
    if (strip.is_empty()) {
        return std::nullopt;
    }
    const auto ground = ground_of(view, strip);
    if (!ground) {
        return std::nullopt;
    }
    const auto pen = pen_of(view, text, *ground);
    if (pen.contrast < least_contrast) {
        return std::nullopt;
    }
    const auto ink = ink_of(view, strip, *ground, pen);
    if (!is_glyph(ink, strip)) {
        return std::nullopt;
    }
    return side == Side::behind
               ? Box{strip.x0, strip.y0, std::min(ink.last + 1 + margin, view.width()), strip.y1}
               : Box{ink.first - std::min(ink.first, margin), strip.y0, strip.x1, strip.y1};
}

} // namespace

std::vector<TextBox> line_ends(const GrayPlane& plane, const std::vector<TextBox>& found)
{
    constexpr std::size_t most = 500; // so many boxes hide a picture anyway
    constexpr std::uint32_t highest = 72;
    std::vector<TextBox> added;
    for (std::size_t i = 0; i < std::min(most, found.size()); ++i) {
        const auto& text = found[i];
        const auto width = text.box.x1 - text.box.x0;
        const auto height = text.box.y1 - text.box.y0;
        for (const bool is_turned : {false, true}) {
            const auto [along, across] =
                is_turned ? std::pair{height, width} : std::pair{width, height};
            const bool is_line = 2 * along >= 3 * across && across <= highest;
            if (!text.certain || !is_line) {
                continue;
            }
            const View view{plane, is_turned};
            for (const auto side : {Side::before, Side::behind}) {
                auto line = view.seen(text.box);
                for (int step = 0; step < most_steps; ++step) {
                    const auto part = next_part(view, line, view.seen(text.box), side);
                    if (!part) {
                        break;
                    }
                    added.push_back({view.seen(*part), text.confidence, true});
                    line = *part;
                }
            }
        }
    }
    return added;
}

} // namespace fiona::pixel
