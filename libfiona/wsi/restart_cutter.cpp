// SPDX-License-Identifier: MIT
#include "libfiona/wsi/restart_cutter.h"

#include "libfiona/base/error.h"

#include <algorithm>

namespace fiona::wsi {

namespace {

constexpr std::uint8_t rst0 = 0xd0;
constexpr std::uint8_t rst7 = 0xd7;
constexpr std::uint8_t eoi = 0xd9;

constexpr std::uint32_t least_tile_width = 512;
constexpr std::uint32_t most_tile_width = 8192; // a wider frame helps no viewer
constexpr std::uint32_t most_tile_height = 1024;

std::uint64_t divided_up(std::uint64_t value, std::uint64_t by)
{
    return value / by + (value % by != 0 ? 1 : 0);
}

bool is_kept(std::uint8_t marker)
{
    constexpr std::uint8_t dht = 0xc4;
    constexpr std::uint8_t sos = 0xda;
    constexpr std::uint8_t dqt = 0xdb;
    constexpr std::uint8_t dri = 0xdd;
    return marker == dht || marker == sos || marker == dqt || marker == dri;
}

void put_word(ByteBuffer& bytes, std::size_t at, std::uint32_t value)
{
    bytes[at] = static_cast<std::byte>(value >> 8U);
    bytes[at + 1] = static_cast<std::byte>(value & 255U);
}

} // namespace

std::uint64_t RestartLayout::tiles_across() const
{
    return divided_up(intervals_across, tile_intervals);
}

std::uint64_t RestartLayout::tiles_down() const
{
    return divided_up(interval_rows, tile_rows);
}

std::optional<RestartLayout> restart_layout(const JpegHeader& header, std::uint64_t width,
                                            std::uint64_t height)
{
    const std::uint64_t interval = header.restart_interval;
    if (interval == 0 || width == 0 || height == 0) {
        return std::nullopt;
    }
    const auto mcus = divided_up(width, header.mcu_width());
    const auto interval_width = interval * header.mcu_width();
    if (mcus % interval != 0 || interval_width > most_tile_width) {
        return std::nullopt;
    }
    RestartLayout layout;
    layout.intervals_across = mcus / interval;
    layout.interval_rows = divided_up(height, header.mcu_height());
    const auto wanted = divided_up(least_tile_width, interval_width);
    layout.tile_intervals = static_cast<std::uint32_t>(std::min(wanted, layout.intervals_across));
    layout.tile_width = static_cast<std::uint32_t>(layout.tile_intervals * interval_width);
    const auto square = std::min(layout.tile_width, most_tile_height);
    layout.tile_rows = static_cast<std::uint32_t>(std::min<std::uint64_t>(
        std::max<std::uint32_t>(square / header.mcu_height(), 1), layout.interval_rows));
    layout.tile_height = layout.tile_rows * header.mcu_height();
    return layout;
}

RestartCutter::RestartCutter(ByteSpan stream, const JpegHeader& header, JpegColour colour,
                             const RestartLayout& layout)
    : m_header{jpeg_start(colour)}, m_needed{std::uint64_t{layout.tile_intervals}
                                             * layout.tile_rows},
      m_most_bytes{most_frame_bytes(layout.tile_width, layout.tile_height)}
{
    for (const auto& segment : header.segments) {
        const bool is_size = segment.offset == header.sof_offset;
        if (!is_size && !is_kept(segment.marker)) {
            continue;
        }
        const auto at = m_header.size();
        const auto bytes = stream.subspan(segment.offset, segment.bytes);
        m_header.insert(m_header.end(), bytes.begin(), bytes.end());
        if (is_size) {
            constexpr std::size_t height = 5; // behind marker, length, precision
            constexpr std::size_t width = 7;
            put_word(m_header, at + height, layout.tile_height);
            put_word(m_header, at + width, layout.tile_width);
        }
    }
}

void RestartCutter::begin()
{
    m_frame.assign(m_header.begin(), m_header.end());
    m_added = 0;
}

void RestartCutter::add(ByteSpan interval)
{
    const auto end = find_marker(interval, 0);
    if (end == interval.size() || end == 0) {
        throw Error{Fault::data, "a damaged JPEG: a restart interval without an end"};
    }
    const auto marker = std::to_integer<std::uint8_t>(interval[end + 1]);
    const bool is_restart = marker >= rst0 && marker <= rst7 && end + 2 == interval.size();
    if (!is_restart && marker != eoi) {
        throw Error{Fault::data, "a damaged JPEG: a wrong marker in a restart interval"};
    }
    if (m_added == m_needed) {
        throw Error{Fault::internal, "more restart intervals than a tile has"};
    }
    if (m_added != 0) {
        m_frame.push_back(std::byte{0xff});
        m_frame.push_back(static_cast<std::byte>(rst0 + (m_added - 1) % 8));
    }
    if (m_frame.size() + end > m_header.size() + m_most_bytes) {
        throw Error{Fault::data, "restart intervals of more bytes than their pixels can need"};
    }
    const auto data = interval.first(end);
    m_frame.insert(m_frame.end(), data.begin(), data.end());
    ++m_added;
}

ByteSpan RestartCutter::finish()
{
    if (m_added != m_needed) {
        throw Error{Fault::internal, "a tile without all of its restart intervals"};
    }
    m_frame.push_back(std::byte{0xff});
    m_frame.push_back(std::byte{eoi});
    return m_frame;
}

} // namespace fiona::wsi
