// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/wsi/jpeg_stream.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

/// One large JPEG with restart intervals, as Hamamatsu writes a level, cut into tiles: decoding starts
/// afresh at each interval (ITU-T T.81 F.1.1.5.1), so its bytes may stand anywhere.
namespace fiona::wsi {

struct RestartLayout {
    std::uint64_t intervals_across = 0; ///< in a row of MCUs
    std::uint64_t interval_rows = 0;    ///< rows of MCUs
    std::uint32_t tile_intervals = 0;   ///< intervals side by side in a tile
    std::uint32_t tile_rows = 0;        ///< rows of MCUs in a tile
    std::uint32_t tile_width = 0;       ///< pixels
    std::uint32_t tile_height = 0;      ///< pixels

    [[nodiscard]] std::uint64_t intervals() const { return intervals_across * interval_rows; }
    [[nodiscard]] std::uint64_t tiles_across() const;
    [[nodiscard]] std::uint64_t tiles_down() const;
};

/// For a picture of `width` x `height` pixels, which the JPEG's own header may be too small to say.
/// Nothing if its intervals do not divide a row, or are too wide for tiles.
[[nodiscard]] std::optional<RestartLayout>
restart_layout(const JpegHeader& header, std::uint64_t width, std::uint64_t height);

/// Puts the intervals of one tile behind a header of its own.
class RestartCutter {
public:
    /// `stream` begins with all of the header; both are copied from.
    RestartCutter(ByteSpan stream, const JpegHeader& header, JpegColour colour,
                  const RestartLayout& layout);

    [[nodiscard]] std::size_t header_bytes() const { return m_header.size(); }
    void begin();
    /// `interval` with the marker behind it. Throws Error{Fault::data} if that is no restart
    /// marker or end of the picture, if there is another one before, or if the tile becomes larger than
    /// its pixels can need.
    void add(ByteSpan interval);
    /// The frame; it lives until begin(). Throws Error{Fault::internal} if intervals are missing.
    [[nodiscard]] ByteSpan finish();

private:
    ByteBuffer m_header;
    std::uint64_t m_needed;
    std::uint64_t m_most_bytes; ///< of a frame
    std::uint64_t m_added = 0;
    ByteBuffer m_frame;
};

} // namespace fiona::wsi
