// SPDX-License-Identifier: MIT
#include "libfiona/wsi/jpeg2000_stream.h"

#include "libfiona/base/error.h"
#include "libfiona/dicom/code_stream.h"
#include "libfiona/wsi/stream_bytes.h"

#include <algorithm>
#include <array>

namespace fiona::wsi {

namespace {

// ITU-T T.800 table A.1.
constexpr std::uint16_t soc = 0xff4f;
constexpr std::uint16_t siz = 0xff51;
constexpr std::uint16_t cod = 0xff52;
constexpr std::uint16_t coc = 0xff53;
constexpr std::uint16_t com = 0xff64;
constexpr std::uint16_t sot = 0xff90;
constexpr std::uint16_t sod = 0xff93;
constexpr std::uint16_t eoc = 0xffd9;

constexpr std::size_t most_segments = 100'000; // 65,535 tiles with a segment each are legal

Error damaged(std::string_view what)
{
    return Error{Fault::data, "a damaged JPEG 2000 stream: {}", what};
}

void read_size(Jpeg2000Facts& facts, ByteSpan segment)
{
    constexpr std::size_t fixed_bytes = 40;
    if (facts.components != 0 || segment.size() < fixed_bytes) {
        throw damaged("its size");
    }
    const std::size_t count = word_at(segment, 38);
    const auto right = long_at(segment, 6);
    const auto bottom = long_at(segment, 10);
    const auto left = long_at(segment, 14);
    const auto top = long_at(segment, 18);
    if (count == 0 || segment.size() != fixed_bytes + 3 * count || left >= right || top >= bottom) {
        throw damaged("its size");
    }
    facts.width = right - left;
    facts.height = bottom - top;
    facts.components = count;
    facts.has_8_bits = true;
    for (std::size_t i = 0; i < count; ++i) {
        const auto at = fixed_bytes + 3 * i;
        facts.has_8_bits = facts.has_8_bits && byte_at(segment, at) == 7; // unsigned, 7 + 1 bits
        facts.has_equal_sampling = facts.has_equal_sampling && byte_at(segment, at + 1) == 1
                                   && byte_at(segment, at + 2) == 1;
    }
}

void read_style(Jpeg2000Facts& facts, ByteSpan segment, std::size_t offset)
{
    constexpr std::size_t transform = 8;
    constexpr std::size_t wavelet = 13;
    if (segment.size() <= wavelet) {
        throw damaged("its coding style");
    }
    const auto used = byte_at(segment, transform);
    const auto kind = byte_at(segment, wavelet);
    if (used > 1 || kind > 1) {
        throw damaged("its coding style");
    }
    facts.all_irreversible = facts.all_irreversible && kind == 0;
    facts.all_reversible = facts.all_reversible && kind == 1;
    facts.all_transformed = facts.all_transformed && used == 1;
    facts.none_transformed = facts.none_transformed && used == 0;
    facts.transform_bytes.push_back(offset + transform);
}

/// Marker segments from `at` to one of the two that end a header; gives where that one stands.
std::size_t read_segments(Jpeg2000Facts& facts, ByteSpan stream, std::size_t at)
{
    for (std::size_t count = 0; count < most_segments; ++count) {
        if (stream.size() - at < 2) {
            throw damaged("its header ends too early");
        }
        const auto marker = word_at(stream, at);
        if (marker == sot || marker == sod) {
            return at;
        }
        if (stream.size() - at < 4) {
            throw damaged("its header ends too early");
        }
        const std::size_t bytes = std::size_t{word_at(stream, at + 2)} + 2;
        if (marker < 0xff01 || marker == soc || marker == eoc || bytes < 4
            || bytes > stream.size() - at) {
            throw damaged("a segment of its header");
        }
        const auto segment = stream.subspan(at, bytes);
        if (marker == siz) {
            read_size(facts, segment);
        } else if (marker == cod) {
            read_style(facts, segment, at);
        } else if (marker == coc) {
            facts.has_own_styles = true;
        } else if (!dicom::is_needed_in_jpeg_2000(marker)) { // a comment (com) among them
            facts.comments.push_back({static_cast<std::uint8_t>(marker & 255U), at, bytes});
        }
        at += bytes;
    }
    throw damaged("too many segments");
}

std::optional<std::string> obstacle(const Jpeg2000Facts& facts, TileColour colour,
                                    std::uint32_t width, std::uint32_t height)
{
    if (facts.components != 3 || !facts.has_8_bits) {
        return "its JPEG 2000 has no 3 components of 8 bits";
    }
    if (!facts.has_equal_sampling) {
        return "its JPEG 2000 has fewer samples of colour";
    }
    if (facts.width != width || facts.height != height) {
        return "a tile's JPEG 2000 has another size than the tile";
    }
    if (facts.has_own_styles || (!facts.all_reversible && !facts.all_irreversible)
        || (!facts.all_transformed && !facts.none_transformed)) {
        return "its JPEG 2000 is coded in several ways";
    }
    if (colour == TileColour::ycc && !facts.all_irreversible) {
        return "its YCbCr is coded by the reversible wavelet";
    }
    if (colour == TileColour::ycc && !facts.none_transformed) {
        return "its YCbCr is transformed twice";
    }
    return std::nullopt;
}

Jpeg2000Coding coding_of(const Jpeg2000Facts& facts, TileColour colour)
{
    Jpeg2000Coding coding;
    coding.is_lossless = facts.all_reversible;
    coding.transfer_syntax =
        facts.all_reversible ? "1.2.840.10008.1.2.4.90" : "1.2.840.10008.1.2.4.91";
    if (colour == TileColour::ycc) {
        coding.photometric = "YBR_ICT";
    } else if (facts.none_transformed) {
        coding.photometric = "RGB";
    } else {
        coding.photometric = facts.all_reversible ? "YBR_RCT" : "YBR_ICT";
    }
    return coding;
}

} // namespace

Jpeg2000Facts read_jpeg2000(ByteSpan stream)
{
    if (stream.size() < 4 || word_at(stream, 0) != soc || word_at(stream, 2) != siz) {
        throw damaged("it does not begin as one");
    }
    Jpeg2000Facts facts;
    auto at = read_segments(facts, stream, 2);
    if (facts.components == 0 || facts.transform_bytes.empty() || word_at(stream, at) != sot) {
        throw damaged("its main header");
    }
    while (word_at(stream, at) == sot) {
        constexpr std::size_t sot_bytes = 12;
        if (stream.size() - at < sot_bytes || word_at(stream, at + 2) != sot_bytes - 2) {
            throw damaged("a tile-part");
        }
        // 0: to the end of the stream (A.4.2)
        const std::size_t named = long_at(stream, at + 6);
        const auto bytes = named == 0 ? stream.size() - at - 2 : named;
        if (bytes < sot_bytes + 2 || bytes + 2 > stream.size() - at) {
            throw damaged("a tile-part is longer than the stream");
        }
        const auto part = stream.first(at + bytes);
        const auto data = read_segments(facts, part, at + sot_bytes);
        if (word_at(part, data) != sod) {
            throw damaged("a tile-part without data");
        }
        at += bytes;
    }
    if (word_at(stream, at) != eoc) {
        throw damaged("it does not end as one");
    }
    facts.end = at + 2;
    return facts;
}

Jpeg2000Tiles::Jpeg2000Tiles(TileColour colour, std::uint32_t width, std::uint32_t height)
    : m_colour{colour}, m_width{width}, m_height{height}
{
}

std::optional<ByteSpan> Jpeg2000Tiles::frame(ByteSpan tile)
{
    const auto facts = read_jpeg2000(tile);
    if (auto reason = obstacle(facts, m_colour, m_width, m_height)) {
        m_why_not = std::move(*reason);
        return std::nullopt;
    }
    const auto coding = coding_of(facts, m_colour);
    if (!m_coding) {
        m_coding = coding;
    }
    if (*m_coding != coding) {
        m_why_not = "its tiles are coded in several ways";
        return std::nullopt;
    }
    m_frame.assign(tile.begin(), tile.begin() + static_cast<std::ptrdiff_t>(facts.end));
    if (m_colour == TileColour::ycc) {
        for (const auto at : facts.transform_bytes) {
            m_frame[at] = std::byte{1};
        }
    }
    for (const auto& comment : facts.comments) { // behind marker, length and the kind of text
        const std::size_t head = comment.marker == (com & 255U) ? 6 : 4;
        if (comment.bytes > head) {
            std::fill_n(m_frame.begin() + static_cast<std::ptrdiff_t>(comment.offset + head),
                        comment.bytes - head, std::byte{' '});
        }
    }
    return ByteSpan{m_frame};
}

} // namespace fiona::wsi
