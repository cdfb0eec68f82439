// SPDX-License-Identifier: MIT
#include "libfiona/wsi/jpeg_stream.h"

#include "libfiona/base/error.h"
#include "libfiona/wsi/stream_bytes.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>

namespace fiona::wsi {

namespace {

// ITU-T T.81 table B.1.
constexpr std::uint8_t sof0 = 0xc0;
constexpr std::uint8_t dht = 0xc4;
constexpr std::uint8_t jpg = 0xc8;
constexpr std::uint8_t dac = 0xcc;
constexpr std::uint8_t sof15 = 0xcf;
constexpr std::uint8_t rst0 = 0xd0;
constexpr std::uint8_t rst7 = 0xd7;
constexpr std::uint8_t soi = 0xd8;
constexpr std::uint8_t eoi = 0xd9;
constexpr std::uint8_t sos = 0xda;
constexpr std::uint8_t dqt = 0xdb;
constexpr std::uint8_t dri = 0xdd;
constexpr std::uint8_t tem = 0x01;

constexpr std::size_t most_segments = 1000; // a header has a dozen

bool is_frame_header(std::uint8_t marker)
{
    return marker >= sof0 && marker <= sof15 && marker != dht && marker != jpg && marker != dac;
}

void read_frame_header(JpegHeader& header, ByteSpan segment, std::size_t offset)
{
    constexpr std::size_t fixed_bytes = 10; // marker, length, precision, height, width, count
    if (header.sof != 0 || segment.size() < fixed_bytes) {
        throw Error{Fault::data, "a damaged JPEG: its frame header"};
    }
    const std::size_t count = byte_at(segment, 9);
    if (count == 0 || segment.size() != fixed_bytes + 3 * count) {
        throw Error{Fault::data, "a damaged JPEG: the components of its frame header"};
    }
    header.sof = byte_at(segment, 1);
    header.sof_offset = offset;
    header.precision = byte_at(segment, 4);
    header.height = word_at(segment, 5);
    header.width = word_at(segment, 7);
    for (std::size_t i = 0; i < count; ++i) {
        const auto at = fixed_bytes + 3 * i;
        const auto factors = byte_at(segment, at + 1);
        const JpegComponent component{byte_at(segment, at),
                                      static_cast<std::uint8_t>(factors >> 4U),
                                      static_cast<std::uint8_t>(factors & 15U)};
        if (component.horizontal < 1 || component.horizontal > 4 || component.vertical < 1
            || component.vertical > 4) {
            throw Error{Fault::data, "a damaged JPEG: its sampling factors"};
        }
        header.components.push_back(component);
    }
}

void read_segment(JpegHeader& header, ByteSpan segment, std::size_t offset)
{
    constexpr std::size_t interval_bytes = 6;
    const auto marker = byte_at(segment, 1);
    if (is_frame_header(marker)) {
        read_frame_header(header, segment, offset);
    } else if (marker == dri) {
        if (segment.size() != interval_bytes) {
            throw Error{Fault::data, "a damaged JPEG: its restart interval"};
        }
        header.restart_interval = word_at(segment, 4);
    } else if (marker == sos) {
        const std::size_t count = segment.size() > 4 ? byte_at(segment, 4) : 0;
        if (header.sof == 0 || count == 0 || count > header.components.size()
            || segment.size() != 8 + 2 * count) {
            throw Error{Fault::data, "a damaged JPEG: its scan header"};
        }
        header.scan_components = static_cast<std::uint8_t>(count);
        header.scan_offset = offset + segment.size();
    }
    header.segments.push_back({marker, offset, segment.size()});
}

bool is_needed_to_decode(std::uint8_t marker)
{
    return marker == dqt || marker == dht || marker == dri || marker == sos
           || is_frame_header(marker);
}

void append(ByteBuffer& to, ByteSpan bytes)
{
    to.insert(to.end(), bytes.begin(), bytes.end());
}

void append_needed(ByteBuffer& to, ByteSpan stream, const JpegHeader& header)
{
    for (const auto& segment : header.segments) {
        if (is_needed_to_decode(segment.marker)) {
            append(to, stream.subspan(segment.offset, segment.bytes));
        }
    }
}

} // namespace

std::uint32_t JpegHeader::mcu_width() const
{
    std::uint32_t most = 1;
    for (const auto& component : components) {
        most = std::max<std::uint32_t>(most, component.horizontal);
    }
    return most * 8;
}

std::uint32_t JpegHeader::mcu_height() const
{
    std::uint32_t most = 1;
    for (const auto& component : components) {
        most = std::max<std::uint32_t>(most, component.vertical);
    }
    return most * 8;
}

JpegHeader read_jpeg_header(ByteSpan stream)
{
    if (stream.size() < 4 || byte_at(stream, 0) != 0xff || byte_at(stream, 1) != soi) {
        throw Error{Fault::data, "a damaged JPEG: it does not begin as one"};
    }
    JpegHeader header;
    std::size_t at = 2;
    while (header.scan_components == 0) {
        while (at + 1 < stream.size() && byte_at(stream, at) == 0xff
               && byte_at(stream, at + 1) == 0xff) {
            ++at; // fill bytes, B.1.1.2
        }
        if (at + 2 > stream.size() || byte_at(stream, at) != 0xff) {
            throw Error{Fault::data, "a damaged JPEG: no marker where one must be"};
        }
        const auto marker = byte_at(stream, at + 1);
        if (marker == eoi) {
            break;
        }
        if (marker == 0 || marker == tem || (marker >= rst0 && marker <= soi)
            || at + 4 > stream.size() || header.segments.size() == most_segments) {
            throw Error{Fault::data, "a damaged JPEG: a wrong marker in its header"};
        }
        const std::size_t bytes = std::size_t{word_at(stream, at + 2)} + 2;
        if (bytes < 4 || bytes > stream.size() - at) {
            throw Error{Fault::data, "a damaged JPEG: a segment longer than the stream"};
        }
        read_segment(header, stream.subspan(at, bytes), at);
        at += bytes;
    }
    return header;
}

std::size_t find_marker(ByteSpan stream, std::size_t from)
{
    while (from + 1 < stream.size()) {
        const auto* const found = std::memchr(&stream[from], 0xff, stream.size() - 1 - from);
        if (found == nullptr) {
            break;
        }
        from = static_cast<std::size_t>(static_cast<const std::byte*>(found) - stream.data());
        const auto next = byte_at(stream, from + 1);
        if (next != 0 && next != 0xff) {
            return from;
        }
        from += next == 0 ? 2 : 1;
    }
    return stream.size();
}

std::optional<std::string> why_not_baseline(const JpegHeader& header)
{
    if (header.sof != sof0) {
        return "its JPEG is not baseline";
    }
    if (header.precision != 8) {
        return "its JPEG has no 8 bits";
    }
    if (header.components.size() != 3) {
        return "its JPEG has no 3 components";
    }
    if (header.scan_components != header.components.size()) {
        return "its JPEG has several scans";
    }
    return std::nullopt;
}

ByteBuffer jpeg_start(JpegColour colour)
{
    // SOI; APP14 "Adobe", version 100, no flags, transform 0
    constexpr std::array<std::uint8_t, 18> bytes{0xff, soi, 0xff, 0xee, 0, 14, 'A', 'd', 'o',
                                                 'b',  'e', 0,    100,  0, 0,  0,   0,   0};
    const auto text = std::as_bytes(std::span{bytes}).first(colour == JpegColour::rgb ? 18 : 2);
    return {text.begin(), text.end()};
}

JpegTiles::JpegTiles(ByteSpan tables, JpegColour colour, std::uint32_t width, std::uint32_t height)
    : m_colour{colour}, m_width{width}, m_height{height}, m_prefix{jpeg_start(colour)}
{
    if (tables.empty()) {
        return;
    }
    const auto header = read_jpeg_header(tables);
    if (header.sof != 0 || header.scan_components != 0) {
        throw Error{Fault::data, "damaged JPEG tables: they hold a picture"};
    }
    m_restart_interval = header.restart_interval;
    append_needed(m_prefix, tables, header);
}

std::optional<std::string> JpegTiles::obstacle(const JpegHeader& header) const
{
    if (auto reason = why_not_baseline(header)) {
        return reason;
    }
    if (header.width != m_width || header.height != m_height) {
        return "a tile's JPEG has another size than the tile";
    }
    // Decoders take these names of components for what they say.
    const auto& parts = header.components;
    if (m_colour == JpegColour::ycc && parts[0].id == 'R' && parts[1].id == 'G'
        && parts[2].id == 'B') {
        return "its JPEG and its TIFF differ in colour";
    }
    return std::nullopt;
}

std::optional<ByteSpan> JpegTiles::frame(ByteSpan tile)
{
    const auto header = read_jpeg_header(tile);
    if (header.scan_components == 0) {
        throw Error{Fault::data, "a damaged JPEG: a tile without a scan"};
    }
    if (auto reason = obstacle(header)) {
        m_why_not = std::move(*reason);
        return std::nullopt;
    }
    auto end = find_marker(tile, header.scan_offset);
    while (end < tile.size() && byte_at(tile, end + 1) >= rst0 && byte_at(tile, end + 1) <= rst7) {
        if (header.restart_interval == 0 && m_restart_interval == 0) {
            throw Error{Fault::data, "a damaged JPEG: a restart marker without an interval"};
        }
        end = find_marker(tile, end + 2);
    }
    if (end == tile.size() || byte_at(tile, end + 1) != eoi || end == header.scan_offset) {
        throw Error{Fault::data, "a damaged JPEG: a tile ends before its picture does"};
    }
    m_frame.assign(m_prefix.begin(), m_prefix.end());
    append_needed(m_frame, tile, header);
    append(m_frame, tile.subspan(header.scan_offset, end + 2 - header.scan_offset));
    m_components = header.components;
    return ByteSpan{m_frame};
}

} // namespace fiona::wsi
