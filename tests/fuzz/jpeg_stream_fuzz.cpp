// SPDX-License-Identifier: MIT
// Tiles and levels of slides as strangers' JPEG and JPEG 2000: put together to frames, and cut.
#include "libfiona/base/error.h"
#include "libfiona/wsi/jpeg2000_stream.h"
#include "libfiona/wsi/restart_cutter.h"
#include "tests/fuzz/fuzz.h"

#include <algorithm>

using namespace fiona;
using namespace fiona::wsi;

namespace {

/// A frame is a JPEG again, of the same size, and passes through a second time unchanged.
void assemble(ByteSpan tables, ByteSpan tile)
{
    const auto header = read_jpeg_header(tile);
    JpegTiles tiles{tables, JpegColour::rgb, header.width, header.height};
    const auto frame = tiles.frame(tile);
    promise(frame.has_value() || !tiles.why_not().empty());
    if (frame) {
        const auto again = read_jpeg_header(*frame);
        promise(again.width == header.width && again.height == header.height);
        promise(frame->size() <= tables.size() + tile.size() + 20);
        JpegTiles second{{}, JpegColour::rgb, header.width, header.height};
        const auto twice = second.frame(*frame);
        promise(twice && std::ranges::equal(*twice, *frame));
    }
}

void cut(ByteSpan level)
{
    const auto header = read_jpeg_header(level);
    if (why_not_baseline(header) || header.width > 4096 || header.height > 4096) {
        return;
    }
    const auto layout = restart_layout(header, header.width, header.height);
    if (!layout) {
        return;
    }
    promise(layout->tile_width <= 8192 && layout->tile_height <= 1024);
    promise(layout->tiles_across() * layout->tile_intervals >= layout->intervals_across);
    promise(layout->tiles_down() * layout->tile_rows >= layout->interval_rows);
    RestartCutter cutter{level, header, JpegColour::ycc, *layout};
    cutter.begin();
    auto at = header.scan_offset;
    const auto needed = std::uint64_t{layout->tile_intervals} * layout->tile_rows;
    for (std::uint64_t i = 0; i < needed; ++i) {
        const auto end = std::min(find_marker(level, at) + 2, level.size());
        cutter.add(level.subspan(at, end - at));
        at = end;
    }
    const auto frame = cutter.finish();
    const auto again = read_jpeg_header(frame);
    promise(again.width == layout->tile_width && again.height == layout->tile_height);
    promise(again.restart_interval == header.restart_interval);
}

void pass_code_stream(ByteSpan tile, TileColour colour)
{
    const auto facts = read_jpeg2000(tile);
    promise(facts.end <= tile.size());
    Jpeg2000Tiles tiles{colour, facts.width, facts.height};
    if (const auto frame = tiles.frame(tile)) {
        promise(frame->size() == facts.end);
        promise(read_jpeg2000(*frame).width == facts.width);
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    if (size < 3) {
        return 0;
    }
    const auto bytes = std::as_bytes(std::span{data, size}).subspan(3);
    // The first byte says what it is, the next two where the tables end.
    const auto middle = std::min<std::size_t>(std::size_t{data[1]} << 8U | data[2], bytes.size());
    try {
        switch (data[0] % 4) {
        case 0: assemble(bytes.first(middle), bytes.subspan(middle)); break;
        case 1: cut(bytes); break;
        case 2: pass_code_stream(bytes, TileColour::rgb); break;
        default: pass_code_stream(bytes, TileColour::ycc); break;
        }
    } catch (const Error& error) {
        promise(error.fault() == Fault::data);
    }
    return 0;
}
