// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/wsi/jpeg2000_stream.h"
#include "libfiona/wsi/jpeg_encoder.h"
#include "libfiona/wsi/level_frames.h"
#include "libfiona/wsi/read_ahead.h"
#include "libfiona/wsi/tiff_tags.h"
#include "libfiona/wsi/tile_table.h"

#include <algorithm>

namespace fiona::wsi {

namespace {

constexpr std::uint16_t photometric_rgb = 2;
constexpr std::uint16_t photometric_ycc = 6;
constexpr std::uint64_t most_tile_side = 8192; // pixels; a frame has to fit into memory
constexpr std::uint64_t most_table_bytes = std::uint64_t{1} << 20U;

class TileFrames : public LevelFrames {
public:
    [[nodiscard]] std::optional<ByteSpan> next() final
    {
        const auto tile = m_table.at(m_next++);
        if (tile.bytes == 0) {
            return missing();
        }
        auto frame = convert(read(tile));
        if (frame) {
            ++m_passed_through;
        }
        return frame;
    }

protected:
    TileFrames(const Slide& slide, const SlideImage& level)
        : m_table{slide.tiff(), slide.tiff().directories().at(level.directory)},
          m_reader{slide.file()}, m_most_tile_bytes{
                                      most_frame_bytes(level.tile_width, level.tile_height)}
    {
        m_coding.tile_width = static_cast<std::uint32_t>(level.tile_width);
        m_coding.tile_height = static_cast<std::uint32_t>(level.tile_height);
        m_frames = m_table.size();
    }

    [[nodiscard]] virtual std::optional<ByteSpan> convert(ByteSpan tile) = 0;
    [[nodiscard]] virtual std::optional<ByteSpan> missing() = 0;

    /// The first tile that is there, to see how they are coded; empty if there is none.
    [[nodiscard]] ByteSpan first_tile()
    {
        for (std::uint64_t i = 0; i < m_table.size(); ++i) {
            if (const auto tile = m_table.at(i); tile.bytes != 0) {
                return read(tile);
            }
        }
        return {};
    }

    /// `more` bytes for each tile beyond those in the slide, `missing` for each that is not there.
    void set_most_bytes(std::uint64_t more, std::uint64_t missing)
    {
        m_most_bytes = 0;
        for (std::uint64_t i = 0; i < m_table.size(); ++i) {
            const auto tile = m_table.at(i);
            m_most_bytes += tile.bytes == 0 ? missing : tile.bytes + more;
        }
    }

private:
    [[nodiscard]] ByteSpan read(const TileExtent& tile)
    {
        if (tile.bytes > m_most_tile_bytes) {
            throw Error{Fault::data, "a tile of {} bytes, which is more than its pixels can need",
                        tile.bytes};
        }
        return m_reader.read(tile.offset, tile.bytes);
    }

    TileTable m_table;
    ReadAhead m_reader;
    std::uint64_t m_most_tile_bytes;
    std::uint64_t m_next = 0;
};

class JpegTileFrames final : public TileFrames {
public:
    JpegTileFrames(const Slide& slide, const SlideImage& level, ByteSpan tables)
        : TileFrames{slide, level}, m_colour{level.photometric == photometric_rgb
                                                 ? JpegColour::rgb
                                                 : JpegColour::ycc},
          m_tiles{tables, m_colour, m_coding.tile_width, m_coding.tile_height}
    {
        m_coding.transfer_syntax = "1.2.840.10008.1.2.4.50";
        m_coding.photometric = m_colour == JpegColour::rgb ? "RGB" : "YBR_FULL_422";
        if (const auto first = first_tile(); !first.empty()) {
            m_is_possible = m_tiles.frame(first).has_value();
        }
        if (m_is_possible) {
            m_white = white_jpeg(
                {m_coding.tile_width, m_coding.tile_height, m_colour, m_tiles.components()});
            set_most_bytes(tables.size() + jpeg_start(m_colour).size(), m_white.size());
        }
    }

    [[nodiscard]] bool is_possible() const { return m_is_possible; }
    [[nodiscard]] const std::string& why_not() const override { return m_tiles.why_not(); }

private:
    [[nodiscard]] std::optional<ByteSpan> convert(ByteSpan tile) override
    {
        return m_tiles.frame(tile);
    }
    [[nodiscard]] std::optional<ByteSpan> missing() override { return ByteSpan{m_white}; }

    JpegColour m_colour;
    JpegTiles m_tiles;
    bool m_is_possible = true;
    ByteBuffer m_white; ///< one for all tiles that are missing
};

class Jpeg2000TileFrames final : public TileFrames {
public:
    Jpeg2000TileFrames(const Slide& slide, const SlideImage& level)
        : TileFrames{slide, level}, m_tiles{level.coding == TileCoding::jpeg2000_ycc
                                                ? TileColour::ycc
                                                : TileColour::rgb,
                                            m_coding.tile_width, m_coding.tile_height},
          m_why_not{"tiles are missing among its JPEG 2000 ones"}
    {
        const auto first = first_tile();
        m_is_possible = !first.empty() && convert(first).has_value();
        if (m_is_possible) {
            const auto& coding = m_tiles.coding();
            m_coding.transfer_syntax = coding.transfer_syntax;
            m_coding.photometric = coding.photometric;
            m_coding.is_lossless = coding.is_lossless;
            set_most_bytes(0, 0);
        }
    }

    [[nodiscard]] bool is_possible() const { return m_is_possible; }
    [[nodiscard]] const std::string& why_not() const override
    {
        return m_tiles.why_not().empty() ? m_why_not : m_tiles.why_not();
    }

private:
    [[nodiscard]] std::optional<ByteSpan> convert(ByteSpan tile) override
    {
        return m_tiles.frame(tile);
    }
    // A shared white tile would need the level's own quantisation to look like its neighbours.
    [[nodiscard]] std::optional<ByteSpan> missing() override { return std::nullopt; }

    Jpeg2000Tiles m_tiles;
    std::string m_why_not;
    bool m_is_possible = true;
};

template <typename Frames, typename... More>
Passage passage(const Slide& slide, const SlideImage& level, const More&... more)
{
    auto frames = std::make_unique<Frames>(slide, level, more...);
    if (!frames->is_possible()) {
        return {nullptr, frames->why_not()};
    }
    return {std::move(frames)};
}

} // namespace

Passage pass_tiles(const Slide& slide, const SlideImage& level)
{
    constexpr std::uint64_t separate = 2;
    const auto& directory = slide.tiff().directories().at(level.directory);
    if (level.coding == TileCoding::other) {
        return {nullptr, "its coding is none of DICOM's"};
    }
    if (level.tile_width > most_tile_side || level.tile_height > most_tile_side) {
        return {nullptr, "its tiles are too large"};
    }
    if (slide.tiff().number(directory, tag::planar_configuration) == separate
        || slide.tiff().number(directory, tag::samples_per_pixel).value_or(1) != 3) {
        return {nullptr, "its colours are not three together"};
    }
    if (level.coding != TileCoding::jpeg) {
        return passage<Jpeg2000TileFrames>(slide, level);
    }
    if (level.photometric != photometric_rgb && level.photometric != photometric_ycc) {
        return {nullptr, "its photometric interpretation is none of DICOM's"};
    }
    const auto tables = slide.tiff().bytes(directory, tag::jpeg_tables, most_table_bytes);
    return passage<JpegTileFrames>(slide, level, std::as_bytes(std::span{tables}));
}

Passage pass_through(const Slide& slide, const SlideImage& level)
{
    if (slide.format() == SlideFormat::other) {
        return {nullptr, "its format is read by OpenSlide only"};
    }
    if (slide.format() == SlideFormat::hamamatsu) {
        return pass_intervals(slide, level);
    }
    if (level.tile_width == 0 || level.tile_height == 0) {
        return {nullptr, "it has no tiles"};
    }
    return pass_tiles(slide, level);
}

} // namespace fiona::wsi
