// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/wsi/level_frames.h"
#include "libfiona/wsi/restart_cutter.h"
#include "libfiona/wsi/tiff_tags.h"
#include "libfiona/wsi/tile_table.h"

#include <fcntl.h>

#include <algorithm>

namespace fiona::wsi {

namespace {

constexpr std::uint64_t most_header_bytes = std::uint64_t{256} << 10U;
constexpr std::uint64_t most_intervals = std::uint64_t{1} << 26U;
constexpr std::uint64_t most_whole_side = 8192; // pixels
constexpr std::uint64_t most_whole_bytes = std::uint64_t{32} << 20U;
constexpr std::uint64_t most_interval_bytes = std::uint64_t{16} << 20U;

bool is_restart(std::byte marker)
{
    return (marker & std::byte{0xf8}) == std::byte{0xd0};
}

/// Where the intervals begin, from the start of the strip; nothing if the file does not say, or says
/// what cannot be.
std::optional<std::vector<std::uint64_t>>
named_starts(const Tiff& tiff, const TiffDirectory& directory, std::uint64_t count,
             const JpegHeader& header, std::uint64_t strip_bytes)
{
    const auto* const low = directory.find(tag::ndpi_mcu_starts);
    if (low == nullptr || low->count != count) {
        return std::nullopt;
    }
    auto starts = tiff.numbers(directory, tag::ndpi_mcu_starts, count);
    const auto* const high = directory.find(tag::ndpi_mcu_starts_high);
    if (high != nullptr && high->count == count) {
        const auto words = tiff.numbers(directory, tag::ndpi_mcu_starts_high, count);
        for (std::size_t i = 0; i < starts.size(); ++i) {
            starts[i] = (starts[i] & 0xffffffffU) | words[i] << 32U;
        }
    }
    const bool rises = std::ranges::is_sorted(starts, std::less_equal{});
    if (starts.size() != count || starts.front() != header.scan_offset || !rises
        || starts.back() >= strip_bytes) {
        return std::nullopt;
    }
    return starts;
}

/// The same by looking at every byte.
std::vector<std::uint64_t> found_starts(const SlideFile& file, const TileExtent& strip,
                                        std::uint64_t scan_offset, std::uint64_t count)
{
    constexpr std::uint64_t block = std::uint64_t{1} << 20U;
    std::vector<std::uint64_t> starts{scan_offset};
    starts.reserve(count);
    for (auto at = scan_offset; at + 1 < strip.bytes && starts.size() < count;) {
        const auto bytes = file.read(strip.offset + at, std::min(block, strip.bytes - at));
        const ByteSpan span{bytes};
        std::size_t found = find_marker(span, 0);
        while (found < span.size() && is_restart(span[found + 1]) && starts.size() < count) {
            starts.push_back(at + found + 2);
            found = find_marker(span, found + 2);
        }
        if (found < span.size() && !is_restart(span[found + 1])) {
            break; // the end of the picture
        }
        at += span.size() - 1; // a marker may lie across two blocks
    }
    return starts;
}

/// A level whose intervals are known.
struct CutLevel {
    TileExtent strip;
    RestartLayout layout;
    RestartCutter cutter;
    std::vector<std::uint64_t> starts; ///< of the intervals, from the start of the strip
};

class IntervalFrames final : public LevelFrames {
public:
    IntervalFrames(const SlideFile& file, CutLevel level, JpegColour colour)
        : m_file{&file}, m_strip{level.strip}, m_cutter{std::move(level.cutter)},
          m_layout{level.layout}, m_starts{std::move(level.starts)}
    {
        m_coding = {"1.2.840.10008.1.2.4.50", colour == JpegColour::rgb ? "RGB" : "YBR_FULL_422",
                    false, m_layout.tile_width, m_layout.tile_height};
        m_frames = m_layout.tiles_across() * m_layout.tiles_down();
        m_most_bytes = sum_of_frames();
    }

    [[nodiscard]] std::optional<ByteSpan> next() override
    {
        const auto across = m_layout.tiles_across();
        const auto first_row = m_next / across * m_layout.tile_rows;
        const auto first_column = m_next % across * m_layout.tile_intervals;
        if (first_column == 0) {
            announce(first_row);
        }
        ++m_next;
        m_cutter.begin();
        for (std::uint64_t row = 0; row < m_layout.tile_rows; ++row) {
            add_run(std::min(first_row + row, m_layout.interval_rows - 1), first_column);
        }
        ++m_passed_through;
        return m_cutter.finish();
    }

    [[nodiscard]] const std::string& why_not() const override { return m_why_not; }

private:
    [[nodiscard]] std::uint64_t end_of(std::uint64_t interval) const
    {
        return interval + 1 < m_starts.size() ? m_starts[interval + 1] : m_strip.bytes;
    }

    [[nodiscard]] std::uint64_t sum_of_frames() const
    {
        // Each row of tiles repeats the last interval of its rows, the last one its last row.
        std::uint64_t sum = m_frames * (m_cutter.header_bytes() + 2);
        const auto columns = m_layout.tiles_across() * m_layout.tile_intervals;
        for (std::uint64_t row = 0; row < m_layout.tiles_down() * m_layout.tile_rows; ++row) {
            const auto begin =
                std::min(row, m_layout.interval_rows - 1) * m_layout.intervals_across;
            const auto last = begin + m_layout.intervals_across - 1;
            sum += end_of(last) - m_starts[begin]
                   + (columns - m_layout.intervals_across) * (end_of(last) - m_starts[last]);
        }
        return sum;
    }

    /// The system may read what the next row of tiles needs, in the order of the disk.
    void announce(std::uint64_t first_row) const
    {
        const auto last_row = std::min(first_row + m_layout.tile_rows, m_layout.interval_rows) - 1;
        const auto begin = m_starts[first_row * m_layout.intervals_across];
        const auto end = end_of((last_row + 1) * m_layout.intervals_across - 1);
        ::posix_fadvise(m_file->fd(), static_cast<off_t>(m_strip.offset + begin),
                        static_cast<off_t>(end - begin), POSIX_FADV_WILLNEED);
    }

    /// The intervals of one row of MCUs that belong to a tile; the last one stands for those that the
    /// picture has no more.
    void add_run(std::uint64_t row, std::uint64_t first_column)
    {
        const auto begin = row * m_layout.intervals_across;
        const auto first = begin + first_column;
        const auto last =
            begin + std::min(first_column + m_layout.tile_intervals, m_layout.intervals_across) - 1;
        const auto bytes = end_of(last) - m_starts[first];
        if (bytes > most_interval_bytes) {
            throw Error{Fault::data, "restart intervals of {} bytes", bytes};
        }
        m_run.resize(bytes);
        m_file->read(m_strip.offset + m_starts[first], m_run);
        for (std::uint64_t column = 0; column < m_layout.tile_intervals; ++column) {
            const auto interval = std::min(first + column, last);
            m_cutter.add(ByteSpan{m_run}.subspan(m_starts[interval] - m_starts[first],
                                                 end_of(interval) - m_starts[interval]));
        }
    }

    const SlideFile* m_file;
    TileExtent m_strip;
    RestartCutter m_cutter;
    RestartLayout m_layout;
    std::vector<std::uint64_t> m_starts;
    ByteBuffer m_run;
    std::uint64_t m_next = 0;
    std::string m_why_not;
};

/// A small level without restart markers: one tile as large as the level is. Nothing is gained by
/// decoding it.
class WholeFrame final : public LevelFrames {
public:
    WholeFrame(const SlideImage& level, ByteBuffer jpeg, JpegColour colour)
        : m_jpeg{std::move(jpeg)}, m_tile{{},
                                          colour,
                                          static_cast<std::uint32_t>(level.width),
                                          static_cast<std::uint32_t>(level.height)}
    {
        m_coding = {"1.2.840.10008.1.2.4.50", colour == JpegColour::rgb ? "RGB" : "YBR_FULL_422",
                    false, static_cast<std::uint32_t>(level.width),
                    static_cast<std::uint32_t>(level.height)};
        m_frames = 1;
        m_most_bytes = m_jpeg.size() + jpeg_start(colour).size();
    }

    [[nodiscard]] std::optional<ByteSpan> next() override
    {
        const auto frame = m_tile.frame(m_jpeg);
        m_passed_through = frame ? 1U : 0U;
        return frame;
    }
    [[nodiscard]] const std::string& why_not() const override { return m_tile.why_not(); }

private:
    ByteBuffer m_jpeg;
    JpegTiles m_tile;
};

} // namespace

Passage pass_intervals(const Slide& slide, const SlideImage& level)
{
    constexpr std::uint16_t photometric_rgb = 2;
    const auto& tiff = slide.tiff();
    const auto& directory = tiff.directories().at(level.directory);
    TileTable table{tiff, directory};
    if (level.coding != TileCoding::jpeg || table.is_tiled() || table.size() != 1) {
        return {nullptr, "it is not one JPEG"};
    }
    const auto strip = table.at(0);
    const auto begin = slide.file().read(strip.offset, std::min(strip.bytes, most_header_bytes));
    const auto header = read_jpeg_header(begin);
    if (header.scan_components == 0) {
        throw Error{Fault::data, "a damaged JPEG: a level without a scan"};
    }
    if (auto reason = why_not_baseline(header)) {
        return {nullptr, std::move(*reason)};
    }
    const auto colour = level.photometric == photometric_rgb ? JpegColour::rgb : JpegColour::ycc;
    const bool is_small = level.width <= most_whole_side && level.height <= most_whole_side;
    if (header.restart_interval == 0 && is_small && strip.bytes <= most_whole_bytes) {
        return {std::make_unique<WholeFrame>(level, slide.file().read(strip.offset, strip.bytes),
                                             colour)};
    }
    const auto layout = restart_layout(header, level.width, level.height);
    if (!layout) {
        return {nullptr, "its JPEG has no restart intervals that make tiles"};
    }
    const auto count = layout->intervals();
    if (count > most_intervals || count > strip.bytes) {
        throw Error{Fault::data, "{} restart intervals in {} bytes", count, strip.bytes};
    }
    auto starts = named_starts(tiff, directory, count, header, strip.bytes);
    if (!starts) {
        starts = found_starts(slide.file(), strip, header.scan_offset, count);
    }
    if (starts->size() != count) {
        throw Error{Fault::data, "{} restart intervals where {} must be", starts->size(), count};
    }
    CutLevel cut{strip, *layout, {begin, header, colour, *layout}, std::move(*starts)};
    return {std::make_unique<IntervalFrames>(slide.file(), std::move(cut), colour)};
}

} // namespace fiona::wsi
