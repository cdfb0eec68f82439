// SPDX-License-Identifier: MIT
#include "libfiona/pixel/contact_sheet.h"

#include "libfiona/base/error.h"

#include <leptonica/allheaders.h>

#include <algorithm>
#include <memory>

namespace fiona::pixel {

namespace {

constexpr std::size_t most_rows = 6;
constexpr std::uint32_t most_columns = 1024; // pixels of one picture
constexpr std::uint32_t gap = 8;

/// Frees what Leptonica allocates.
struct PixDeleter {
    void operator()(Pix* pix) const { pixDestroy(&pix); }
};
using Picture = std::unique_ptr<Pix, PixDeleter>;

void put_plane(Pix& sheet, const GrayPlane& plane, std::uint32_t left, std::uint32_t top)
{
    auto* const words = pixGetData(&sheet);
    const auto per_line = static_cast<std::size_t>(pixGetWpl(&sheet));
    for (std::uint32_t y = 0; y < plane.height; ++y) {
        for (std::uint32_t x = 0; x < plane.width; ++x) {
            const l_uint32 gray = plane.row(y)[x];
            words[(top + y) * per_line + left + x] = gray << 24U | gray << 16U | gray << 8U;
        }
    }
}

void put_frame(Pix& sheet, const Box& box, std::uint32_t left, std::uint32_t top)
{
    constexpr l_uint32 red = 0xff303000;
    const auto point = [&](std::uint32_t x, std::uint32_t y) {
        pixSetPixel(&sheet, static_cast<l_int32>(left + x), static_cast<l_int32>(top + y), red);
    };
    for (auto x = box.x0; x < box.x1; ++x) {
        point(x, box.y0);
        point(x, box.y1 - 1);
    }
    for (auto y = box.y0; y < box.y1; ++y) {
        point(box.x0, y);
        point(box.x1 - 1, y);
    }
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
        row.after = halved(row.after);
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
        width = std::max(width, 2 * row.before.width + 3 * gap);
        height += row.before.height + gap;
    }
    const Picture sheet{pixCreate(static_cast<l_int32>(width), static_cast<l_int32>(height), 32)};
    if (!sheet) {
        throw Error{Fault::data, "no memory for a contact sheet"};
    }
    constexpr l_uint32 backdrop = 0x20406000;
    pixSetAllArbitrary(sheet.get(), backdrop);
    std::uint32_t top = gap;
    for (const auto& row : m_rows) {
        const auto right = row.before.width + 2 * gap;
        put_plane(*sheet, row.before, gap, top);
        put_plane(*sheet, row.after, right, top);
        for (const auto& box : row.boxes) {
            if (!box.is_empty()) {
                put_frame(*sheet, box, gap, top);
            }
        }
        top += row.before.height + gap;
    }
    l_uint8* bytes = nullptr;
    std::size_t size = 0;
    if (pixWriteMemPng(&bytes, &size, sheet.get(), 0) != 0) {
        throw Error{Fault::internal, "cannot write a contact sheet"};
    }
    struct Free {
        void operator()(l_uint8* memory) const { lept_free(memory); }
    };
    const std::unique_ptr<l_uint8, Free> owner{bytes};
    return {bytes, bytes + size};
}

} // namespace fiona::pixel
