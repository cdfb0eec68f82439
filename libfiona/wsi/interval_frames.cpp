// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/wsi/level_frames.h"
#include "libfiona/wsi/restart_cutter.h"
#include "libfiona/wsi/tiff_tags.h"
#include "libfiona/wsi/tile_table.h"

#include <fcntl.h>

#include <algorithm>
#include <functional>

namespace fiona::wsi {

namespace {

constexpr std::uint64_t most_header_bytes = std::uint64_t{256} << 10U;
constexpr std::uint64_t most_intervals = std::uint64_t{1} << 26U;
constexpr std::uint64_t most_whole_side = 8192; // pixels
constexpr std::uint64_t most_whole_bytes = std::uint64_t{32} << 20U;
constexpr std::uint64_t most_interval_bytes = std::uint64_t{16} << 20U;
constexpr std::uint64_t most_found = std::uint64_t{1} << 22U; // intervals held in memory: 32 MiB
constexpr std::uint64_t most_row_intervals = std::uint64_t{1} << 20U; // of a row of tiles
constexpr std::uint64_t most_row_bytes = std::uint64_t{32} << 20U; // of a row of tiles read at once

bool is_restart(std::byte marker)
{
    return (marker & std::byte{0xf8}) == std::byte{0xd0};
}

/// Where the intervals begin, from the start of the strip. A slide has millions: those that the file names
/// are read from it as they are needed.
class IntervalStarts {
public:
    /// What was found by looking.
    explicit IntervalStarts(std::vector<std::uint64_t> found)
        : m_found{std::move(found)}, m_size{m_found.size()}
    {
    }
    /// What the directory names; nothing if it names another number of them.
    static std::optional<IntervalStarts> named(const Tiff& tiff, const TiffDirectory& directory,
                                               std::uint64_t count)
    {
        const auto* const low = directory.find(tag::ndpi_mcu_starts);
        if (low == nullptr || low->count != count) {
            return std::nullopt;
        }
        IntervalStarts starts{{}};
        starts.m_tiff = &tiff;
        starts.m_low = low;
        const auto* const high = directory.find(tag::ndpi_mcu_starts_high);
        starts.m_high = high != nullptr && high->count == count ? high : nullptr;
        starts.m_size = count;
        return starts;
    }

    [[nodiscard]] std::uint64_t size() const { return m_size; }
    /// Begins at `scan`, rises, and ends before `end`.
    [[nodiscard]] bool fits(std::uint64_t scan, std::uint64_t end) const
    {
        constexpr std::uint64_t block = 8192;
        std::uint64_t last = 0;
        for (std::uint64_t first = 0; first < m_size; first += block) {
            for (const auto start : range(first, std::min(block, m_size - first))) {
                if (last == 0 ? start != scan : start <= last) {
                    return false;
                }
                last = start;
            }
        }
        return last < end;
    }
    /// Read from the file again each time: whoever writes into it meanwhile may have changed them.
    [[nodiscard]] std::vector<std::uint64_t> range(std::uint64_t first, std::uint64_t count) const
    {
        if (m_low == nullptr) {
            const auto begin = m_found.begin() + static_cast<std::ptrdiff_t>(first);
            return {begin, begin + static_cast<std::ptrdiff_t>(count)};
        }
        auto starts = m_tiff->numbers(*m_low, first, count);
        if (m_high != nullptr) {
            const auto words = m_tiff->numbers(*m_high, first, count);
            for (std::size_t i = 0; i < starts.size(); ++i) {
                starts[i] = (starts[i] & 0xffffffffU) | words[i] << 32U;
            }
        }
        return starts;
    }

private:
    std::vector<std::uint64_t> m_found;
    const Tiff* m_tiff = nullptr;
    const TiffEntry* m_low = nullptr;
    const TiffEntry* m_high = nullptr;
    std::uint64_t m_size = 0;
};

/// The same by looking at every byte, where the directory does not name them, or wrongly.
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
    IntervalStarts starts;
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
            load(first_row);
        }
        ++m_next;
        m_cutter.begin();
        for (std::uint64_t row = 0; row < m_layout.tile_rows; ++row) {
            add_run(std::min(row, m_rows.count - 1), first_column);
        }
        ++m_passed_through;
        return m_cutter.finish();
    }

    [[nodiscard]] const std::string& why_not() const override { return m_why_not; }

private:
    /// The rows of MCUs of one row of tiles.
    struct Rows {
        std::uint64_t count = 0;
        std::vector<std::uint64_t> starts; ///< of their intervals, and the end of the last
    };

    [[nodiscard]] Rows rows_from(std::uint64_t first_row) const
    {
        Rows rows;
        rows.count =
            std::min<std::uint64_t>(m_layout.tile_rows, m_layout.interval_rows - first_row);
        const auto first = first_row * m_layout.intervals_across;
        const auto count = rows.count * m_layout.intervals_across;
        const bool is_last = first + count == m_starts.size();
        rows.starts = m_starts.range(first, count + (is_last ? 0 : 1));
        if (is_last) {
            rows.starts.push_back(m_strip.bytes);
        }
        const bool rises = std::ranges::is_sorted(rows.starts, std::less_equal{});
        if (!rises || rows.starts.back() > m_strip.bytes) {
            throw Error{Fault::data,
                        "the places of restart intervals changed while they were read"};
        }
        return rows;
    }

    [[nodiscard]] std::uint64_t sum_of_frames() const
    {
        // Each row of tiles repeats the last interval of its rows, the last one its last row.
        std::uint64_t sum = m_frames * (m_cutter.header_bytes() + 2);
        const auto across = m_layout.intervals_across;
        const auto repeated = m_layout.tiles_across() * m_layout.tile_intervals - across;
        for (std::uint64_t first = 0; first < m_layout.interval_rows; first += m_layout.tile_rows) {
            const auto rows = rows_from(first);
            for (std::uint64_t row = 0; row < m_layout.tile_rows; ++row) {
                const auto begin = std::min(row, rows.count - 1) * across;
                const auto end = rows.starts[begin + across];
                sum +=
                    end - rows.starts[begin] + repeated * (end - rows.starts[begin + across - 1]);
            }
        }
        return sum;
    }

    /// The row of tiles that comes, in one piece where it is not too large, and the system may already
    /// read what follows.
    void load(std::uint64_t first_row)
    {
        m_rows = rows_from(first_row);
        const auto begin = m_rows.starts.front();
        const auto bytes = m_rows.starts.back() - begin;
        m_is_whole = bytes <= most_row_bytes;
        if (m_is_whole) {
            m_run.resize(bytes);
            m_file->read(m_strip.offset + begin, m_run);
        }
        const auto ahead = m_strip.offset + begin + (m_is_whole ? bytes : 0);
        ::posix_fadvise(m_file->fd(), static_cast<off_t>(ahead), static_cast<off_t>(bytes),
                        POSIX_FADV_WILLNEED);
    }

    /// The intervals of one row of MCUs that belong to a tile; the last one stands for those that the
    /// picture has no more.
    void add_run(std::uint64_t row, std::uint64_t first_column)
    {
        const auto begin = row * m_layout.intervals_across;
        const auto first = begin + first_column;
        const auto last =
            begin + std::min(first_column + m_layout.tile_intervals, m_layout.intervals_across) - 1;
        const auto& starts = m_rows.starts;
        auto from = starts.front(); // what m_run begins with
        if (!m_is_whole) {
            from = starts[first];
            const auto bytes = starts[last + 1] - from;
            if (bytes > most_interval_bytes) {
                throw Error{Fault::data, "restart intervals of {} bytes", bytes};
            }
            m_run.resize(bytes);
            m_file->read(m_strip.offset + from, m_run);
        }
        for (std::uint64_t column = 0; column < m_layout.tile_intervals; ++column) {
            const auto interval = std::min(first + column, last);
            m_cutter.add(ByteSpan{m_run}.subspan(starts[interval] - from,
                                                 starts[interval + 1] - starts[interval]));
        }
    }

    const SlideFile* m_file;
    TileExtent m_strip;
    RestartCutter m_cutter;
    RestartLayout m_layout;
    IntervalStarts m_starts;
    Rows m_rows;
    bool m_is_whole = false; ///< m_run holds all of m_rows
    ByteBuffer m_run;
    std::uint64_t m_next = 0;
    std::string m_why_not;
};

/// A small level without restart markers: one tile as large as the level is. Nothing is gained by
/// decoding it.
class WholeFrame final : public LevelFrames {
public:
    WholeFrame(const SlideFile& file, TileExtent strip, const SlideImage& level, JpegColour colour)
        : m_file{&file}, m_strip{strip}, m_tile{{},
                                                colour,
                                                static_cast<std::uint32_t>(level.width),
                                                static_cast<std::uint32_t>(level.height)}
    {
        m_coding = {"1.2.840.10008.1.2.4.50", colour == JpegColour::rgb ? "RGB" : "YBR_FULL_422",
                    false, static_cast<std::uint32_t>(level.width),
                    static_cast<std::uint32_t>(level.height)};
        m_frames = 1;
        m_most_bytes = strip.bytes + jpeg_start(colour).size();
    }

    [[nodiscard]] std::optional<ByteSpan> next() override
    {
        const auto frame = m_tile.frame(m_file->read(m_strip.offset, m_strip.bytes));
        m_passed_through = frame ? 1U : 0U;
        return frame;
    }
    [[nodiscard]] const std::string& why_not() const override { return m_tile.why_not(); }

private:
    const SlideFile* m_file;
    TileExtent m_strip;
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
        return {std::make_unique<WholeFrame>(slide.file(), strip, level, colour)};
    }
    const auto layout = restart_layout(header, level.width, level.height);
    if (!layout) {
        return {nullptr, "its JPEG has no restart intervals that make tiles"};
    }
    const auto count = layout->intervals();
    if (count > most_intervals || count > strip.bytes
        || layout->intervals_across * layout->tile_rows > most_row_intervals) {
        throw Error{Fault::data, "{} restart intervals in {} bytes", count, strip.bytes};
    }
    auto starts = IntervalStarts::named(tiff, directory, count);
    if (!starts || !starts->fits(header.scan_offset, strip.bytes)) {
        if (count > most_found) {
            throw Error{Fault::data, "{} restart intervals, and no word of where they are", count};
        }
        starts = IntervalStarts{found_starts(slide.file(), strip, header.scan_offset, count)};
    }
    if (starts->size() != count) {
        throw Error{Fault::data, "{} restart intervals where {} must be", starts->size(), count};
    }
    CutLevel cut{strip, *layout, {begin, header, colour, *layout}, std::move(*starts)};
    return {std::make_unique<IntervalFrames>(slide.file(), std::move(cut), colour)};
}

} // namespace fiona::wsi
