// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/wsi/tiff.h"

#include <cstdint>
#include <vector>

namespace fiona::wsi {

/// Where a tile's code stream lies in the file. `bytes` 0: the scanner left the tile out.
struct TileExtent {
    std::uint64_t offset = 0;
    std::uint64_t bytes = 0;
};

/// The places of a picture's tiles, or of its strips, in their order: left to right, then down. A slide may
/// have millions, so the table is read in blocks; asking in order is cheap. `tiff` outlives it. Not for
/// several threads at once.
class TileTable {
public:
    /// Throws Error{Fault::data} if the table is missing, or has another size than the picture asks for.
    TileTable(const Tiff& tiff, const TiffDirectory& directory);

    [[nodiscard]] bool is_tiled() const { return m_is_tiled; }
    [[nodiscard]] std::uint64_t size() const { return m_size; }
    [[nodiscard]] std::uint64_t across() const { return m_across; } ///< tiles in a row; strips: 1
    /// Throws Error{Fault::data} if it lies outside the file.
    [[nodiscard]] TileExtent at(std::uint64_t index);
    /// Asks for every one.
    void check();

private:
    void load(std::uint64_t first);

    const Tiff* m_tiff;
    const TiffEntry* m_offsets = nullptr;
    const TiffEntry* m_byte_counts = nullptr;
    const TiffEntry* m_offsets_high = nullptr; ///< NDPI
    const TiffEntry* m_byte_counts_high = nullptr;
    bool m_is_tiled = false;
    std::uint64_t m_size = 0;
    std::uint64_t m_across = 1;
    std::uint64_t m_first = 0; ///< of the block in memory
    std::vector<TileExtent> m_block;
};

} // namespace fiona::wsi
