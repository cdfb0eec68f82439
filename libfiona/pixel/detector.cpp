// SPDX-License-Identifier: MIT
#include "libfiona/pixel/detector.h"

#include "libfiona/pixel/line_ends.h"
#include "libfiona/pixel/text_net.h"

#include <cmath>
#include <optional>

namespace fiona::pixel {

namespace {

// Chosen on pictures of the setting `tune` (scripts/measure-pixels).
constexpr float strong = 0.85F; // a group needs such cells ...
constexpr float weak = 0.40F;   // ... and takes these around them
constexpr std::size_t least_strong_cells = 6;
constexpr float unsure_peak = 0.65F; // groups that reach only this are somebody else's decision
constexpr std::size_t least_unsure_cells = 12;
constexpr std::uint32_t margin = 5; // pixels around the cells: ink reaches out of its cell
constexpr std::uint32_t smallest_side = 24;
constexpr std::uint32_t least_side = 32; // narrower ones are widened
constexpr int levels = 3;                // full, half and quarter size

/// A group of neighbouring cells.
struct Group {
    Box cells;
    std::vector<std::uint32_t> members;
    double sum = 0;
    float peak = 0;
    std::size_t strong_cells = 0;
};

class Grouping {
public:
    explicit Grouping(const TextMap& map) : m_map{map}, m_seen(map.values.size()) {}

    std::vector<Group> all()
    {
        std::vector<Group> groups;
        for (std::uint32_t start = 0; start < m_map.values.size(); ++start) {
            if (m_seen[start] == 0 && m_map.values[start] >= weak) {
                groups.push_back(grow(start));
            }
        }
        return groups;
    }

private:
    Group grow(std::uint32_t start)
    {
        Group group;
        group.cells = {start % m_map.columns, start / m_map.columns, start % m_map.columns + 1,
                       start / m_map.columns + 1};
        m_seen[start] = 1;
        group.members.push_back(start);
        for (std::size_t next = 0; next < group.members.size(); ++next) {
            const auto at = group.members[next];
            const auto value = m_map.values[at];
            group.sum += static_cast<double>(value);
            group.peak = std::max(group.peak, value);
            group.strong_cells += value >= strong ? 1U : 0U;
            const Box cell{at % m_map.columns, at / m_map.columns, at % m_map.columns + 1,
                           at / m_map.columns + 1};
            group.cells = group.cells.joined(cell);
            const auto around = cell.grown(1, m_map.columns, m_map.rows);
            for (auto y = around.y0; y < around.y1; ++y) {
                for (auto x = around.x0; x < around.x1; ++x) {
                    const auto other = y * m_map.columns + x;
                    if (m_seen[other] == 0 && m_map.values[other] >= weak) {
                        m_seen[other] = 1;
                        group.members.push_back(other);
                    }
                }
            }
        }
        return group;
    }

    const TextMap& m_map;
    std::vector<std::uint8_t> m_seen;
};

/// The tight box of what is covered inside `within`.
Box tight(const std::vector<std::uint8_t>& cells, std::uint32_t columns, const Box& within)
{
    Box found{within.x1, within.y1, within.x0, within.y0};
    for (auto y = within.y0; y < within.y1; ++y) {
        for (auto x = within.x0; x < within.x1; ++x) {
            if (cells[std::size_t{y} * columns + x] != 0) {
                found = found.joined({x, y, x + 1, y + 1});
            }
        }
    }
    return found;
}

struct Cut {
    Box first;
    Box second;
    std::uint64_t area = 0;
};

/// The straight cut after which two boxes cover least; nothing if no cut is worth it.
std::optional<Cut> best_cut(const std::vector<std::uint8_t>& cells, std::uint32_t columns,
                            const Box& box, std::uint64_t worth_it)
{
    std::optional<Cut> best;
    const auto consider = [&](const Box& left, const Box& right) {
        const Cut cut{tight(cells, columns, left), tight(cells, columns, right), 0};
        const auto area = cut.first.area() + cut.second.area();
        if (!best || area < best->area) {
            best = Cut{cut.first, cut.second, area};
        }
    };
    for (auto x = box.x0 + 1; x < box.x1; ++x) {
        consider({box.x0, box.y0, x, box.y1}, {x, box.y0, box.x1, box.y1});
    }
    for (auto y = box.y0 + 1; y < box.y1; ++y) {
        consider({box.x0, box.y0, box.x1, y}, {box.x0, y, box.x1, box.y1});
    }
    return best && best->area + worth_it <= box.area() ? best : std::nullopt;
}

/// What was found in a larger picture is not looked for in a smaller one, whose cells are coarser.
void forget_found(TextMap& map, std::uint32_t scale, const std::vector<TextBox>& found)
{
    const auto pixels = TextMap::cell * scale;
    for (const auto& text : found) {
        if (!text.certain) {
            continue;
        }
        for (auto y = text.box.y0 / pixels; y < std::min(map.rows, text.box.y1 / pixels + 1); ++y) {
            for (auto x = text.box.x0 / pixels; x < std::min(map.columns, text.box.x1 / pixels + 1);
                 ++x) {
                const Box cell{x * pixels, y * pixels, (x + 1) * pixels, (y + 1) * pixels};
                const auto middle_x = cell.x0 + pixels / 2;
                const auto middle_y = cell.y0 + pixels / 2;
                if (middle_x >= text.box.x0 && middle_x < text.box.x1 && middle_y >= text.box.y0
                    && middle_y < text.box.y1) {
                    map.values[std::size_t{y} * map.columns + x] = 0;
                }
            }
        }
    }
}

void add_boxes(const TextMap& map, std::uint32_t scale, const GrayPlane& plane,
               std::vector<TextBox>& found)
{
    // Cells of a small picture are large in the full one.
    const std::uint64_t worth_it = scale == 1 ? 6 : 2;
    std::vector<std::uint8_t> covered(map.values.size());
    for (const auto& group : Grouping{map}.all()) {
        const bool certain = group.strong_cells >= least_strong_cells;
        const bool unsure = group.peak >= unsure_peak && group.members.size() >= least_unsure_cells;
        if (!certain && !unsure) {
            continue;
        }
        for (const auto member : group.members) {
            covered[member] = 1;
        }
        const auto mean = group.sum / static_cast<double>(group.members.size());
        const auto pixels = TextMap::cell * scale;
        for (const auto& cells : covering_boxes(covered, map.columns, group.cells, worth_it)) {
            const Box box{cells.x0 * pixels, cells.y0 * pixels,
                          std::min(cells.x1 * pixels, plane.width),
                          std::min(cells.y1 * pixels, plane.height)};
            found.push_back({box.grown(margin, plane.width, plane.height),
                             static_cast<int>(std::lround(mean * 100)), certain});
        }
        for (const auto member : group.members) {
            covered[member] = 0;
        }
    }
}

/// The gap between two boxes of one line, if it is one: narrower than the line is high.
std::optional<Box> gap_between(const Box& left, const Box& right)
{
    const auto top = std::max(left.y0, right.y0);
    const auto bottom = std::min(left.y1, right.y1);
    const auto low = std::min(left.y1 - left.y0, right.y1 - right.y0);
    const auto high = std::max(left.y1 - left.y0, right.y1 - right.y0);
    const bool is_one_line = bottom > top && 10 * (bottom - top) >= 7 * low && high <= 2 * low;
    const auto line = left.joined(right);
    const bool is_along = line.x1 - line.x0 >= 2 * (line.y1 - line.y0);
    if (!is_one_line || !is_along || right.x0 <= left.x1 || right.x0 - left.x1 > low) {
        return std::nullopt;
    }
    return Box{left.x1, std::min(left.y0, right.y0), right.x0, std::max(left.y1, right.y1)};
}

Box turned(const Box& box)
{
    return {box.y0, box.x0, box.y1, box.x1};
}

/// Letters that stand in the light are seen less well than their neighbours.
void close_gaps(std::vector<TextBox>& found)
{
    constexpr std::size_t most = 2000; // pairs are quadratic; so many boxes cover everything anyway
    const auto count = std::min(found.size(), most);
    for (std::size_t i = 0; i < count; ++i) {
        for (std::size_t j = 0; j < count; ++j) {
            if (!found[i].certain || !found[j].certain) {
                continue;
            }
            const auto confidence = std::min(found[i].confidence, found[j].confidence);
            if (const auto gap = gap_between(found[i].box, found[j].box)) {
                found.push_back({*gap, confidence, true});
            } else if (const auto high = gap_between(turned(found[i].box), turned(found[j].box))) {
                found.push_back({turned(*high), confidence, true});
            }
        }
    }
}

/// The search in a picture so narrow that a line of writing has nothing around it, which the network has
/// never seen: its edges go on outside.
std::vector<TextBox> found_in_strip(const GrayPlane& plane)
{
    GrayPlane wide{plane.width + 2 * least_side, plane.height + 2 * least_side, {}};
    wide.values.reserve(std::size_t{wide.width} * wide.height);
    for (std::uint32_t y = 0; y < wide.height; ++y) {
        const auto* const row = plane.row(std::min(y - std::min(y, least_side), plane.height - 1));
        wide.values.insert(wide.values.end(), least_side, row[0]);
        wide.values.insert(wide.values.end(), row, row + plane.width);
        wide.values.insert(wide.values.end(), least_side, row[plane.width - 1]);
    }
    auto found = find_text(wide);
    for (auto& text : found) {
        auto& box = text.box;
        const auto inside = [](std::uint32_t at, std::uint32_t side) {
            return std::min(at - std::min(at, least_side), side);
        };
        box = {inside(box.x0, plane.width), inside(box.y0, plane.height),
               inside(box.x1, plane.width), inside(box.y1, plane.height)};
    }
    std::erase_if(found, [](const TextBox& text) { return text.box.is_empty(); });
    return found;
}

/// The first and the last letter of a line have a neighbour on one side only, and are seen less well.
void stretch_lines(std::vector<TextBox>& found, const GrayPlane& plane)
{
    constexpr std::uint32_t most = 12;
    for (auto& text : found) {
        auto& box = text.box;
        const auto width = box.x1 - box.x0;
        const auto height = box.y1 - box.y0;
        const auto more = std::min(most, std::min(width, height) / 4);
        if (!text.certain) {
            continue;
        }
        if (2 * width >= 3 * height) {
            box.x0 -= std::min(box.x0, more);
            box.x1 = std::min(box.x1 + more, plane.width);
        } else if (2 * height >= 3 * width) {
            box.y0 -= std::min(box.y0, more);
            box.y1 = std::min(box.y1 + more, plane.height);
        }
    }
}

} // namespace

std::vector<Box> covering_boxes(const std::vector<std::uint8_t>& cells, std::uint32_t columns,
                                const Box& within, std::uint64_t worth_it)
{
    std::vector<Box> done;
    std::vector<Box> open{tight(cells, columns, within)};
    constexpr std::size_t enough = 64; // of one group; the rest stays in one piece
    while (!open.empty()) {
        const auto box = open.back();
        open.pop_back();
        if (box.is_empty()) {
            continue;
        }
        const auto cut = done.size() + open.size() < enough
                             ? best_cut(cells, columns, box, worth_it)
                             : std::nullopt;
        if (cut) {
            open.push_back(cut->first);
            open.push_back(cut->second);
        } else {
            done.push_back(box);
        }
    }
    std::ranges::sort(done);
    return done;
}

std::vector<TextBox> find_text(const GrayPlane& plane)
{
    if (!plane.values.empty() && std::min(plane.width, plane.height) < least_side) {
        return found_in_strip(plane);
    }
    std::vector<TextBox> found;
    auto picture = plane;
    std::uint32_t scale = 1;
    for (int level = 0; level < levels; ++level, scale *= 2) {
        if (level > 0) {
            picture = halved(picture);
        }
        if (level > 0 && std::min(picture.width, picture.height) < smallest_side) {
            break;
        }
        auto map = text_map(picture);
        forget_found(map, scale, found);
        add_boxes(map, scale, plane, found);
    }
    close_gaps(found);
    stretch_lines(found, plane);
    const auto ends = line_ends(plane, found);
    found.insert(found.end(), ends.begin(), ends.end());
    // What is certain at one scale is not doubtful because of another.
    std::erase_if(found, [&](const TextBox& doubt) {
        return !doubt.certain && std::ranges::any_of(found, [&](const TextBox& sure) {
            return sure.certain && sure.box.covers(doubt.box);
        });
    });
    return found;
}

} // namespace fiona::pixel
