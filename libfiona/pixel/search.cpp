// SPDX-License-Identifier: MIT
#include "libfiona/pixel/search.h"

#include <algorithm>
#include <cstring>

namespace fiona::pixel {

namespace {

constexpr std::uint32_t tile = 32;
/// Around a change; a line of writing that touches it is seen with some of its neighbourhood.
constexpr std::uint32_t change_margin = 64;

std::uint32_t tiles(std::uint32_t pixels)
{
    return (pixels + tile - 1) / tile;
}

/// Marks the tiles in which two planes of `stride` bytes a row and `width` bytes a pixel differ.
void mark_changes(const std::uint8_t* before, const std::uint8_t* now, const PixelLayout& layout,
                  std::size_t width, std::vector<std::uint8_t>& marks)
{
    const auto across = tiles(layout.columns);
    for (std::uint32_t y = 0; y < layout.rows; ++y) {
        const auto row = std::size_t{y} * layout.columns * width;
        if (std::memcmp(before + row, now + row, layout.columns * width) == 0) {
            continue;
        }
        for (std::uint32_t i = 0; i < across; ++i) {
            const auto from = row + std::size_t{i} * tile * width;
            const auto count = std::min(tile, layout.columns - i * tile) * width;
            if (std::memcmp(before + from, now + from, count) != 0) {
                marks[std::size_t{y / tile} * across + i] = 1;
            }
        }
    }
}

bool mostly_covered(const Box& box, const std::vector<TextBox>& boxes)
{
    std::uint64_t covered = 0; // overlaps count twice: an overestimate needs much overlap to matter
    for (const auto& other : boxes) {
        const Box common{std::max(box.x0, other.box.x0), std::max(box.y0, other.box.y0),
                         std::min(box.x1, other.box.x1), std::min(box.y1, other.box.y1)};
        covered = std::max(covered, common.area());
    }
    return covered * 10 >= box.area() * 9;
}

void add_new(std::vector<TextBox>& boxes, const std::vector<TextBox>& more)
{
    for (const auto& box : more) {
        if (!mostly_covered(box.box, boxes)) {
            boxes.push_back(box);
        }
    }
}

enum class InkTone { brighter, darker };

/// Whether the ink in a box, which is less than half of it, is brighter or darker than its ground.
InkTone tone_of(const GrayPlane& plane, const Box& box)
{
    std::vector<std::uint8_t> values;
    values.reserve(box.area());
    std::uint64_t sum = 0;
    for (auto y = box.y0; y < box.y1; ++y) {
        for (auto x = box.x0; x < box.x1; ++x) {
            values.push_back(plane.row(y)[x]);
            sum += values.back();
        }
    }
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::ranges::nth_element(values, middle);
    return sum >= std::uint64_t{*middle} * values.size() ? InkTone::brighter : InkTone::darker;
}

/// Of what stands out in an extreme over time only one tone was there in every frame: what is bright
/// in the darkest or dark in the brightest. The other was there once.
void keep_tone(std::vector<TextBox>& boxes, const GrayPlane& plane, InkTone tone)
{
    std::erase_if(boxes, [&](const TextBox& text) {
        return !text.certain || tone_of(plane, text.box) != tone;
    });
}

/// Boxes over the cells that are hidden in at least `least` frames.
std::vector<TextBox> frequent(const std::vector<std::vector<TextBox>>& frames, std::uint32_t width,
                              std::uint32_t height, std::size_t least)
{
    constexpr std::uint32_t cell = 4;
    const auto columns = (width + cell - 1) / cell;
    const auto rows = (height + cell - 1) / cell;
    std::vector<std::uint32_t> counts(std::size_t{columns} * rows);
    std::vector<std::uint32_t> last_frame(counts.size());
    for (std::uint32_t frame = 0; frame < frames.size(); ++frame) {
        for (const auto& box : frames[frame]) {
            for (auto y = box.box.y0 / cell; y < (box.box.y1 + cell - 1) / cell; ++y) {
                for (auto x = box.box.x0 / cell; x < (box.box.x1 + cell - 1) / cell; ++x) {
                    const auto at = std::size_t{y} * columns + x;
                    if (last_frame[at] != frame + 1) {
                        last_frame[at] = frame + 1;
                        ++counts[at];
                    }
                }
            }
        }
    }
    std::vector<std::uint8_t> hidden(counts.size());
    std::ranges::transform(counts, hidden.begin(),
                           [&](std::uint32_t count) { return count >= least ? 1 : 0; });
    std::vector<TextBox> boxes;
    for (const auto& box : covering_boxes(hidden, columns, {0, 0, columns, rows})) {
        boxes.push_back({{box.x0 * cell, box.y0 * cell, std::min(box.x1 * cell, width),
                          std::min(box.y1 * cell, height)},
                         100,
                         true});
    }
    return boxes;
}

} // namespace

std::vector<Box> changed_parts(const Frame& before, const Frame& now)
{
    const auto& layout = now.layout;
    const Box everything{0, 0, layout.columns, layout.rows};
    if (before.samples.size() != now.samples.size()
        || before.layout.photometric != layout.photometric) {
        return {everything};
    }
    const auto across = tiles(layout.columns);
    const auto down = tiles(layout.rows);
    std::vector<std::uint8_t> marks(std::size_t{across} * down);
    const std::size_t planes = layout.is_planar ? layout.samples : 1;
    const auto plane_bytes = layout.frame_bytes() / planes;
    const auto width = plane_bytes / layout.pixels();
    for (std::size_t plane = 0; plane < planes; ++plane) {
        mark_changes(before.samples.data() + plane * plane_bytes,
                     now.samples.data() + plane * plane_bytes, layout, width, marks);
    }
    std::vector<Box> parts;
    std::uint64_t area = 0;
    for (const auto& box : covering_boxes(marks, across, {0, 0, across, down})) {
        const Box part{box.x0 * tile, box.y0 * tile, std::min(box.x1 * tile, layout.columns),
                       std::min(box.y1 * tile, layout.rows)};
        parts.push_back(part);
        area += part.grown(change_margin, layout.columns, layout.rows).area();
    }
    return area * 2 > everything.area() ? std::vector{everything} : parts;
}

std::vector<TextBox> TextSearch::found_in(const std::vector<GrayPlane>& views,
                                          const Box& part) const
{
    if (part == Box{0, 0, views[0].width, views[0].height}) {
        return m_finder(views, part);
    }
    std::vector<GrayPlane> crops;
    crops.reserve(views.size());
    for (const auto& view : views) {
        crops.push_back(cropped(view, part));
    }
    auto found = m_finder(crops, part);
    for (auto& text : found) {
        text.box.x0 += part.x0;
        text.box.x1 += part.x0;
        text.box.y0 += part.y0;
        text.box.y1 += part.y0;
    }
    return found;
}

void TextSearch::remember_extremes(const GrayPlane& plane)
{
    if (m_darkest.values.empty()) {
        m_darkest = plane;
        m_brightest = plane;
        return;
    }
    for (std::size_t i = 0; i < plane.values.size(); ++i) {
        m_darkest.values[i] = std::min(m_darkest.values[i], plane.values[i]);
        m_brightest.values[i] = std::max(m_brightest.values[i], plane.values[i]);
    }
}

void TextSearch::add(Frame frame, const Appearance& appearance)
{
    const auto changes = changed_parts(m_before, frame);
    if (changes.empty()) {
        m_boxes.push_back(m_boxes.back());
        return;
    }
    const auto views = render(frame, appearance);
    remember_extremes(views[0]);
    std::vector<TextBox> boxes;
    if (!m_boxes.empty()) {
        m_moved = true;
        boxes = m_boxes.back();
    }
    std::vector<TextBox> found;
    for (const auto& change : changes) {
        const auto part = change.grown(change_margin, frame.layout.columns, frame.layout.rows);
        std::erase_if(boxes, [&](const TextBox& old) { return part.covers(old.box); });
        const auto here = found_in(views, part);
        found.insert(found.end(), here.begin(), here.end());
    }
    add_new(boxes, found);
    m_boxes.push_back(std::move(boxes));
    m_before = std::move(frame);
}

std::vector<std::vector<TextBox>> TextSearch::finish()
{
    if (!m_moved) {
        return std::move(m_boxes);
    }
    const Box everything{0, 0, m_darkest.width, m_darkest.height};
    auto still = m_finder({m_darkest}, everything);
    keep_tone(still, m_darkest, InkTone::brighter);
    auto dark = m_finder({m_brightest}, everything);
    keep_tone(dark, m_brightest, InkTone::darker);
    add_new(still, dark);
    const auto least = std::max<std::size_t>(2, m_boxes.size() / 5);
    add_new(still, frequent(m_boxes, m_darkest.width, m_darkest.height, least));
    for (auto& boxes : m_boxes) {
        add_new(boxes, still);
    }
    return std::move(m_boxes);
}

} // namespace fiona::pixel
