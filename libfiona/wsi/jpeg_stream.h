// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

/// JPEG as a stream of markers (ITU-T T.81 annex B): what is needed to pass tiles through without
/// decoding them. The bytes are a stranger's: every length is held against what is there.
namespace fiona::wsi {

using ByteSpan = std::span<const std::byte>;
using ByteBuffer = std::vector<std::byte>;

/// What the code stream of a sound tile can have: noise that JPEG makes larger, and a header. Whatever has
/// more is not taken into memory.
[[nodiscard]] constexpr std::uint64_t most_frame_bytes(std::uint64_t width, std::uint64_t height)
{
    constexpr std::uint64_t header = std::uint64_t{64} << 10U;
    return width * height * 6 + header;
}

struct JpegComponent {
    std::uint8_t id = 0;
    std::uint8_t horizontal = 1; ///< sampling factors, 1 to 4
    std::uint8_t vertical = 1;
    friend bool operator==(const JpegComponent&, const JpegComponent&) = default;
};

struct JpegSegment {
    std::uint8_t marker = 0; ///< the byte behind FF
    std::size_t offset = 0;  ///< of the FF
    std::size_t bytes = 0;   ///< marker included
};

/// All before the entropy-coded data of the first scan.
struct JpegHeader {
    std::vector<JpegSegment> segments; ///< in their order, without SOI and EOI
    std::uint8_t sof = 0;              ///< marker of the frame header; 0: tables only
    std::size_t sof_offset = 0;
    std::uint8_t precision = 0;
    std::uint16_t width = 0;
    std::uint16_t height = 0;
    std::vector<JpegComponent> components;
    std::uint16_t restart_interval = 0; ///< in MCUs, 0: none
    std::uint8_t scan_components = 0;   ///< of the first scan; 0: no scan
    std::size_t scan_offset = 0;        ///< first byte of the entropy-coded data

    [[nodiscard]] std::uint32_t mcu_width() const;  ///< pixels, if all components share a scan
    [[nodiscard]] std::uint32_t mcu_height() const; ///< pixels
};

/// Throws Error{Fault::data} if it is no JPEG or ends before its header does.
[[nodiscard]] JpegHeader read_jpeg_header(ByteSpan stream);

/// The offset of the next marker from `from` on that ends entropy-coded data, restart markers
/// included, stuffed zeros and fill bytes not; the length of the stream if there is none.
[[nodiscard]] std::size_t find_marker(ByteSpan stream, std::size_t from);

/// Why DICOM's JPEG Baseline for three components of eight bits cannot carry it (PS3.5 §8.2.1):
/// nothing if it can.
[[nodiscard]] std::optional<std::string> why_not_baseline(const JpegHeader& header);

enum class JpegColour { rgb, ycc };

/// Frames of DICOM made of a TIFF's JPEGTables (tag 347) and its abbreviated tiles. Comments and
/// application segments, which may say anything, are left out; the scan is kept to the bit.
class JpegTiles {
public:
    /// `tables` may be empty. Throws Error{Fault::data} if they are damaged.
    JpegTiles(ByteSpan tables, JpegColour colour, std::uint32_t width, std::uint32_t height);

    /// A whole frame; it lives until the next call. Nothing if it is sound but cannot be passed
    /// through: why_not() says why. Throws Error{Fault::data} for a damaged tile.
    [[nodiscard]] std::optional<ByteSpan> frame(ByteSpan tile);
    [[nodiscard]] const std::string& why_not() const { return m_why_not; }
    /// Of the last frame.
    [[nodiscard]] const std::vector<JpegComponent>& components() const { return m_components; }

private:
    [[nodiscard]] std::optional<std::string> obstacle(const JpegHeader& header) const;

    JpegColour m_colour;
    std::uint32_t m_width;
    std::uint32_t m_height;
    ByteBuffer m_prefix; ///< SOI, APP14, the tables
    std::uint16_t m_restart_interval = 0;
    ByteBuffer m_frame;
    std::vector<JpegComponent> m_components;
    std::string m_why_not;
};

/// SOI and, for RGB, the Adobe segment without which decoders take three components for YCbCr.
[[nodiscard]] ByteBuffer jpeg_start(JpegColour colour);

} // namespace fiona::wsi
