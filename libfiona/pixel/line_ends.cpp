// SPDX-License-Identifier: MIT
#include "libfiona/pixel/line_ends.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <optional>

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
    const auto most = std::ranges::max_element(counts);
    const auto level = static_cast<int>(most - counts.begin());
    std::uint64_t near = 0;
    for (auto i = std::max(0, level - even_levels); i <= std::min(255, level + even_levels); ++i) {
        near += counts.at(static_cast<std::size_t>(i));
    }
    return near * 10 >= strip.area() * even_of_ten ? std::optional{level} : std::nullopt;
}

/// How much the strongest twentieth of a line stands out.
int contrast_of(const View& view, const Box& line, int ground)
{
    const auto counts = histogram_of(view, line);
    std::uint64_t rest = line.area() / 20;
    for (int distance = 255; distance > 0; --distance) {
        std::uint64_t here = 0;
        for (const auto level : {ground - distance, ground + distance}) {
            here += level >= 0 && level < 256 ? counts.at(static_cast<std::size_t>(level)) : 0;
        }
        if (here > rest) {
            return distance;
        }
        rest -= here;
    }
    return 0;
}

struct Ink {
    std::uint32_t first = 0, last = 0;   ///< columns
    std::uint32_t columns = 0, rows = 0; ///< with ink
    std::uint64_t pixels = 0;
    std::uint64_t doubtful = 0; ///< neither ground nor ink: an uneven ground
};

Ink ink_of(const View& view, const Box& strip, int ground, int least)
{
    Ink ink;
    ink.first = strip.x1;
    std::vector<std::uint8_t> rows(strip.y1 - strip.y0);
    for (auto x = strip.x0; x < strip.x1; ++x) {
        bool has_ink = false;
        for (auto y = strip.y0; y < strip.y1; ++y) {
            const auto distance = std::abs(view.at(x, y) - ground);
            ink.doubtful += distance > even_levels && distance < least ? 1U : 0U;
            if (distance >= least) {
                has_ink = true;
                rows[y - strip.y0] = 1;
                ++ink.pixels;
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
    const bool is_trace = ink.columns == strip.x1 - strip.x0 && ink.pixels < 4 * ink.columns;
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
    const auto contrast = contrast_of(view, text, *ground);
    if (contrast < least_contrast) {
        return std::nullopt;
    }
    const auto ink = ink_of(view, strip, *ground, std::max(least_contrast / 2, contrast / 2));
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
    std::vector<TextBox> added;
    for (std::size_t i = 0; i < std::min(most, found.size()); ++i) {
        const auto& text = found[i];
        const auto width = text.box.x1 - text.box.x0;
        const auto height = text.box.y1 - text.box.y0;
        for (const bool is_turned : {false, true}) {
            if (!text.certain || (is_turned ? height < width : width < height)) {
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
