// SPDX-License-Identifier: MIT
#include "libfiona/dicom/fragments.h"
#include "libfiona/dicom/stream_walks.h"

#include <algorithm>
#include <array>

namespace fiona::dicom {

namespace {

/// The four letters of a type or a brand as a number.
// NOLINTNEXTLINE(cppcoreguidelines-avoid-c-arrays,modernize-avoid-c-arrays) a literal
consteval std::uint32_t letters(const char (&text)[5])
{
    std::uint32_t value = 0;
    for (const char letter : {text[0], text[1], text[2], text[3]}) {
        value = value << 8U | static_cast<unsigned char>(letter);
    }
    return value;
}

constexpr std::uint32_t box_head = 8; // length and type
constexpr std::uint16_t unspecified = 65535;
constexpr std::uint8_t most_bits = 38;           // of a sample, Table I.6
constexpr std::uint16_t most_components = 16384; // Table I.5
constexpr std::uint16_t most_pixels = 65535;     // of a row or column, in DICOM

/// ITU-T T.800 Annex I: the boxes of a file before its code stream. Of a box that decoders do not need the
/// head stays, and so it is passed as before.
class Jp2Boxes {
public:
    explicit Jp2Boxes(Fragments& fragments) : m_fragments{fragments} {}

    void run()
    {
        constexpr std::uint32_t line_ends = 0x0d0a870a;
        if (m_fragments.take_16() != 12 || m_fragments.take_32() != letters("jP  ")
            || m_fragments.take_32() != line_ends) {
            throw damaged("a frame does not begin as a JPEG 2000 code stream");
        }
        for (;;) {
            const auto length = m_fragments.take_32();
            const auto type = peek(4);
            if (type == letters("jp2c")) {
                m_fragments.skip(4);
                if (length == 1) { // 64 bits follow, and no fragment has a use for the upper half
                    require(m_fragments.take_32() == 0);
                    m_fragments.skip(4);
                }
                return;
            }
            require(length >= box_head);
            pass_type();
            const auto value = length - box_head;
            if (type == letters("ftyp")) {
                pass_file_type(value);
            } else if (type == letters("jp2h")) {
                pass_header(value);
            } else {
                m_fragments.clear(value);
            }
        }
    }

private:
    static void require(bool is_good)
    {
        if (!is_good) {
            throw damaged("a box of a JPEG 2000 file");
        }
    }

    /// The next bytes as a number, not passed.
    [[nodiscard]] std::uint32_t peek(unsigned bytes)
    {
        const auto here = m_fragments.place();
        std::uint32_t value = 0;
        for (; bytes > 0; --bytes) {
            value = value << 8U | m_fragments.take();
        }
        m_fragments.go_back(here);
        return value;
    }

    void keep_if(bool is_good, std::uint64_t bytes)
    {
        if (is_good) {
            m_fragments.skip(bytes);
        } else {
            m_fragments.clear(bytes);
        }
    }

    /// A type that the standards do not have could be a word.
    void pass_type()
    {
        constexpr auto known = std::to_array<std::uint32_t>(
            {letters("ftyp"), letters("jp2h"), letters("ihdr"), letters("bpcc"), letters("colr"),
             letters("pclr"), letters("cmap"), letters("cdef"), letters("res "), letters("jp2i"),
             letters("xml "), letters("uuid"), letters("uinf"), letters("rreq"), letters("asoc"),
             letters("free")});
        keep_if(std::ranges::find(known, peek(4)) != known.end(), 4);
    }

    /// I.5.2; T.801, T.802, T.805 and T.814 have brands of their own, T.803 profiles.
    void pass_brand()
    {
        constexpr auto known = std::to_array<std::uint32_t>(
            {letters("jp2 "), letters("jpx "), letters("jpxb"), letters("jpm "), letters("jph "),
             letters("mjp2"), letters("mj2s"), letters("J2P0"), letters("J2P1")});
        keep_if(std::ranges::find(known, peek(4)) != known.end(), 4);
    }

    void pass_file_type(std::uint32_t left)
    {
        require(left >= box_head);
        pass_brand();
        m_fragments.clear(4); // the minor version: readers go on whatever it is
        left -= box_head;
        for (; left >= 4; left -= 4) {
            pass_brand();
        }
        m_fragments.clear(left);
    }

    /// I.5.3
    void pass_header(std::uint32_t left)
    {
        while (left >= box_head) {
            const auto length = m_fragments.take_32();
            require(length >= box_head && length <= left);
            const auto type = peek(4);
            pass_type();
            pass_header_box(type, length - box_head);
            left -= length;
        }
        m_fragments.clear(left);
    }

    void pass_header_box(std::uint32_t type, std::uint32_t bytes)
    {
        const auto end = m_fragments.passed() + bytes;
        switch (type) {
        case letters("ihdr"): pass_image_header(bytes); break;
        case letters("bpcc"): pass_depths(bytes); break;
        case letters("colr"): pass_colours(bytes); break;
        case letters("pclr"): pass_palette(bytes); break;
        case letters("cmap"): pass_mapping(bytes); break;
        case letters("cdef"): pass_channels(bytes); break;
        case letters("res "): pass_resolution(bytes); break;
        default: break;
        }
        m_fragments.clear(end - m_fragments.passed());
    }

    /// I.5.3.1: height, width, components, depth, compression, two flags.
    void pass_image_header(std::uint32_t bytes)
    {
        constexpr std::uint32_t image_header = 14;
        require(bytes >= image_header);
        const auto height = m_fragments.take_32();
        const auto width = m_fragments.take_32();
        m_components = m_fragments.take_16();
        m_fragments.skip(1);
        const auto wavelets = m_fragments.take();
        const auto flags = m_fragments.take_16();
        require(std::max(height, width) <= most_pixels && m_components <= most_components
                && wavelets == 7 && (flags & ~0x0101U) == 0);
    }

    /// I.5.3.2: of each component.
    void pass_depths(std::uint32_t bytes)
    {
        for (bytes = std::min<std::uint32_t>(bytes, m_components); bytes > 0; --bytes) {
            keep_if((peek(1) & 0x7fU) < most_bits, 1);
        }
    }

    /// I.5.3.3. With another method than 0, 1 or 2 readers ignore the box, and so they do with 0: a profile names
    /// its maker, and DICOM says by itself what the colours are.
    void pass_colours(std::uint32_t bytes)
    {
        constexpr std::uint32_t head = 7; // method, precedence, approximation, number
        if (bytes < head || peek(1) != 1) {
            return;
        }
        m_fragments.skip(head - 4);
        const auto space = peek(4);
        m_fragments.skip(4);
        // T.801: ranges, offsets and an illuminant follow.
        const std::uint32_t parameters = space == 14 ? 28 : space == 19 ? 24 : 0;
        m_fragments.skip(bytes == head + parameters ? parameters : 0);
    }

    /// I.5.3.4: entries, columns, the depth of each column; then the entries.
    void pass_palette(std::uint32_t bytes)
    {
        constexpr std::uint32_t most_entries = 1024;
        constexpr std::uint32_t head = 3;
        if (bytes < head) {
            return;
        }
        const auto entries = peek(2);
        const auto columns = peek(3) & 0xffU;
        if (entries > most_entries || bytes < head + columns) {
            return;
        }
        m_fragments.skip(head);
        std::uint64_t entry = 0;
        for (auto left = columns; left > 0; --left) {
            const auto bits = (peek(1) & 0x7fU) + 1;
            require(bits <= most_bits);
            entry += (bits + 7) / 8;
            m_fragments.skip(1);
        }
        m_fragments.skip(std::min<std::uint64_t>(entries * entry, bytes - head - columns));
    }

    /// I.5.3.5: component, direct or by palette, column.
    void pass_mapping(std::uint32_t bytes)
    {
        for (; bytes >= 4; bytes -= 4) {
            const auto entry = peek(4);
            keep_if(entry >> 16U < m_components && (entry >> 8U & 0xffU) <= 1, 4);
        }
    }

    /// I.5.3.6: their number; channel, kind, association of each.
    void pass_channels(std::uint32_t bytes)
    {
        constexpr std::uint32_t entry = 6;
        constexpr std::uint16_t last_kind = 2;
        if (bytes < 2) {
            return;
        }
        const auto count = peek(2);
        m_fragments.skip(2);
        for (auto left = std::min(count, (bytes - 2) / entry); left > 0; --left) {
            const auto channel = peek(4) >> 16U;
            const auto kind = peek(4) & 0xffffU;
            keep_if(channel < most_components && (kind <= last_kind || kind == unspecified), entry);
        }
    }

    /// I.5.3.7: two boxes of six numbers each, of capture and of display.
    void pass_resolution(std::uint32_t bytes)
    {
        constexpr std::uint32_t resolution = 18;
        for (; bytes >= resolution; bytes -= resolution) {
            const bool is_sized = peek(4) == resolution;
            const auto here = m_fragments.place();
            m_fragments.skip(4);
            const auto type = peek(4);
            m_fragments.go_back(here);
            keep_if(is_sized && (type == letters("resc") || type == letters("resd")), resolution);
        }
    }

    Fragments& m_fragments;
    std::uint16_t m_components = 0; ///< as the image header says
};

} // namespace

void pass_jp2_boxes(Fragments& fragments)
{
    Jp2Boxes{fragments}.run();
}

} // namespace fiona::dicom
