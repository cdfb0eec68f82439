// SPDX-License-Identifier: MIT
#include "libfiona/pixel/contact_sheet.h"

#include "libfiona/pixel/png.h"

#include <algorithm>
#include <array>
#include <string>

namespace fiona::pixel {

namespace {

constexpr std::size_t most_rows = 6;
constexpr std::uint32_t most_columns = 1024; // pixels of one picture
constexpr std::uint32_t gap = 8;

using Colour = std::array<std::uint8_t, 3>;
constexpr Colour red{0xff, 0x30, 0x30};
constexpr Colour backdrop{0x20, 0x40, 0x60};

/// A picture in colour: rows without padding.
class Canvas {
public:
    Canvas(std::uint32_t width, std::uint32_t height)
        : m_width{width}, m_height{height}, m_bytes(row_bytes() * height, '\0')
    {
        for (std::uint32_t y = 0; y < height; ++y) {
            for (std::uint32_t x = 0; x < width; ++x) {
                put(x, y, backdrop);
            }
        }
    }

    void put(std::uint32_t x, std::uint32_t y, const Colour& colour)
    {
        std::ranges::transform(colour, m_bytes.data() + y * row_bytes() + colour.size() * x,
                               [](std::uint8_t value) { return static_cast<char>(value); });
    }
    void put_plane(const GrayPlane& plane, std::uint32_t left, std::uint32_t top)
    {
        for (std::uint32_t y = 0; y < plane.height; ++y) {
            for (std::uint32_t x = 0; x < plane.width; ++x) {
                const auto gray = plane.row(y)[x];
                put(left + x, top + y, {gray, gray, gray});
            }
        }
    }
    void put_frame(const Box& box, std::uint32_t left, std::uint32_t top)
    {
        for (auto x = box.x0; x < box.x1; ++x) {
            put(left + x, top + box.y0, red);
            put(left + x, top + box.y1 - 1, red);
        }
        for (auto y = box.y0; y < box.y1; ++y) {
            put(left + box.x0, top + y, red);
            put(left + box.x1 - 1, top + y, red);
        }
    }
    [[nodiscard]] std::string png() const { return pixel::png(m_width, m_height, m_bytes); }

private:
    [[nodiscard]] std::size_t row_bytes() const { return std::size_t{3} * m_width; }

    std::uint32_t m_width;
    std::uint32_t m_height;
    std::string m_bytes;
};

} // namespace

bool ContactSheet::is_full() const
{
    return m_rows.size() >= most_rows;
}

void ContactSheet::add(const GrayPlane& before, const GrayPlane& after,
                       const std::vector<Box>& boxes)
{
    if (is_full()) {
        return;
    }
    Row row{before, after, boxes};
    while (row.before.width > most_columns) {
        row.before = halved(row.before);
        row.after = row.after.values.empty() ? row.after : halved(row.after);
        for (auto& box : row.boxes) {
            box = {box.x0 / 2, box.y0 / 2, std::min((box.x1 + 1) / 2, row.before.width),
                   std::min((box.y1 + 1) / 2, row.before.height)};
        }
    }
    m_rows.push_back(std::move(row));
}

std::string ContactSheet::png() const
{
    if (m_rows.empty()) {
        return {};
    }
    std::uint32_t width = 0;
    std::uint32_t height = gap;
    for (const auto& row : m_rows) {
        const bool is_alone = row.after.values.empty();
        width =
            std::max(width, is_alone ? row.before.width + 2 * gap : 2 * row.before.width + 3 * gap);
        height += row.before.height + gap;
    }
    Canvas sheet{width, height};
    std::uint32_t top = gap;
    for (const auto& row : m_rows) {
        const auto right = row.before.width + 2 * gap;
        sheet.put_plane(row.before, gap, top);
        sheet.put_plane(row.after, right, top);
        for (const auto& box : row.boxes) {
            if (!box.is_empty()) {
                sheet.put_frame(box, gap, top);
            }
        }
        top += row.before.height + gap;
    }
    return sheet.png();
}

} // namespace fiona::pixel
