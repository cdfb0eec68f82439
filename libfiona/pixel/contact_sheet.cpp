// SPDX-License-Identifier: MIT
#include "libfiona/pixel/contact_sheet.h"

#include "libfiona/base/error.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <string_view>

namespace fiona::pixel {

namespace {

constexpr std::size_t most_rows = 6;
constexpr std::uint32_t most_columns = 1024; // pixels of one picture
constexpr std::uint32_t gap = 8;

using Colour = std::array<std::uint8_t, 3>;
constexpr Colour red{0xff, 0x30, 0x30};
constexpr Colour backdrop{0x20, 0x40, 0x60};

/// A picture in colour as PNG wants it: rows, each behind a byte that says how it is filtered (0: not).
class Canvas {
public:
    Canvas(std::uint32_t width, std::uint32_t height)
        : m_width{width}, m_height{height}, m_bytes(row_bytes() * height)
    {
        for (std::uint32_t y = 0; y < height; ++y) {
            for (std::uint32_t x = 0; x < width; ++x) {
                put(x, y, backdrop);
            }
        }
    }

    void put(std::uint32_t x, std::uint32_t y, const Colour& colour)
    {
        std::ranges::copy(colour, m_bytes.data() + y * row_bytes() + 1 + colour.size() * x);
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
    [[nodiscard]] std::string png() const;

private:
    [[nodiscard]] std::size_t row_bytes() const { return 1 + std::size_t{3} * m_width; }

    std::uint32_t m_width;
    std::uint32_t m_height;
    std::vector<std::uint8_t> m_bytes;
};

std::string big_endian(std::uint32_t value)
{
    std::string bytes;
    for (const unsigned shift : {24U, 16U, 8U, 0U}) {
        bytes.push_back(static_cast<char>(value >> shift & 0xffU));
    }
    return bytes;
}

/// PNG specification §5.3: length, type, data, check sum of type and data.
std::string chunk(std::string_view type, std::string_view data)
{
    const auto body = std::string{type} + std::string{data};
    const std::vector<Bytef> checked{body.begin(), body.end()};
    const auto sum = ::crc32_z(0, checked.data(), checked.size());
    return big_endian(static_cast<std::uint32_t>(data.size())) + body
           + big_endian(static_cast<std::uint32_t>(sum));
}

std::string Canvas::png() const
{
    auto size = ::compressBound(m_bytes.size());
    std::vector<Bytef> packed(size);
    if (::compress(packed.data(), &size, m_bytes.data(), m_bytes.size()) != Z_OK) {
        throw Error{Fault::internal, "cannot write a contact sheet"};
    }
    // 8 bits a channel, three channels, the only methods of compression and filtering, not interlaced
    using namespace std::string_view_literals;
    return std::string{"\x89PNG\r\n\x1a\n"}
           + chunk("IHDR",
                   big_endian(m_width) + big_endian(m_height) + std::string{"\x08\x02\0\0\0"sv})
           + chunk("IDAT", std::string{packed.data(), packed.data() + size}) + chunk("IEND", {});
}

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
