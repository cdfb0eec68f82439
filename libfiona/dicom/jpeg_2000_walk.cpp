// SPDX-License-Identifier: MIT
#include "libfiona/dicom/fragments.h"
#include "libfiona/dicom/stream_walks.h"

#include <algorithm>
#include <array>

namespace fiona::dicom {

namespace {

class Jpeg2000Walk {
public:
    explicit Jpeg2000Walk(Fragments& fragments) : m_fragments{fragments} {}

    void run()
    {
        auto start = m_fragments.take_16();
        if (start == 0) { // illegal in DICOM, and yet seen: a file
            pass_jp2_boxes(m_fragments);
            start = m_fragments.take_16();
        }
        if (start != soc) {
            throw damaged("a frame does not begin as a JPEG 2000 code stream");
        }
        if (pass_header() != sot) {
            throw damaged("a JPEG 2000 stream without a tile");
        }
        while (pass_tile_part() == sot) {
        }
    }

    static bool begins(Fragments& fragments) { return begins_with(fragments, 0xff, soc & 0xffU); }

private:
    static constexpr std::uint16_t soc = 0xff4f;
    static constexpr std::uint16_t com = 0xff64;
    static constexpr std::uint16_t sot = 0xff90;
    static constexpr std::uint16_t sop = 0xff91;
    static constexpr std::uint16_t eph = 0xff92;
    static constexpr std::uint16_t sod = 0xff93;
    static constexpr std::uint16_t eoc = 0xffd9;

    /// Marker segments up to the one that ends a header, which is passed too.
    [[nodiscard]] std::uint16_t pass_header()
    {
        for (;;) {
            const auto marker = m_fragments.take_16();
            if (marker == sot || marker == sod) {
                return marker;
            }
            const bool is_segment = marker > soc && marker < sot;
            const std::size_t length = is_segment ? m_fragments.take_16() : 0;
            if (length < 2) {
                throw damaged("a segment of a JPEG 2000 header");
            }
            const auto bytes = length - 2;
            const std::size_t registration = marker == com ? 2 : 0; // Rcom: binary or Latin text
            if (is_needed_in_jpeg_2000(marker) || bytes <= registration) {
                m_fragments.skip(bytes);
            } else {
                m_fragments.skip(registration);
                m_fragments.clear(bytes - registration);
            }
        }
    }

    /// Behind SOT; returns the marker behind the part, passed: SOT, or EOC, also where it is missing.
    [[nodiscard]] std::uint16_t pass_tile_part()
    {
        constexpr unsigned sot_length = 10;
        const auto start = m_fragments.passed() - 2;
        if (m_fragments.take_16() != sot_length) {
            throw damaged("a tile-part");
        }
        m_fragments.skip(2);
        const std::uint64_t named = m_fragments.take_32(); // with SOT, A.4.2
        m_fragments.skip(2);
        if (pass_header() != sod) {
            throw damaged("a tile-part without data");
        }
        if (named == 0) { // to the end of the stream
            return next_in_data();
        }
        const auto passed = m_fragments.passed() - start;
        if (named < passed) {
            throw damaged("a tile-part shorter than its header");
        }
        m_fragments.skip(named - passed);
        const bool has_end = m_fragments.more() && !begins(m_fragments);
        const bool is_padded =
            has_end && m_fragments.left() == 1 && m_fragments.window().front() != std::byte{0xff};
        if (!has_end || is_padded) {
            return eoc; // it was left out
        }
        const auto marker = m_fragments.take_16();
        if (marker != sot && marker != eoc) {
            throw damaged("no marker behind a tile-part");
        }
        return marker;
    }

    /// No two bytes of packets are above FF8F, but for two markers (B.10.1, D.4.1).
    [[nodiscard]] std::uint16_t next_in_data()
    {
        for (;;) {
            if (!m_fragments.more() || begins(m_fragments)) {
                return eoc;
            }
            if (!m_fragments.skip_to_marker()) {
                continue;
            }
            if (!m_fragments.more()) {
                return eoc;
            }
            const auto marker = static_cast<std::uint16_t>(0xff00U | m_fragments.take());
            if (marker == sot || marker == eoc) {
                return marker;
            }
            if (marker >= sot && marker != sop && marker != eph) {
                throw damaged("a marker that no tile-part has");
            }
        }
    }

    Fragments& m_fragments;
};

} // namespace

void walk_jpeg_2000(Fragments& fragments)
{
    Jpeg2000Walk{fragments}.run();
}

bool is_needed_in_jpeg_2000(std::uint16_t marker)
{
    constexpr auto needed = std::to_array<std::uint16_t>(
        {0xff50, 0xff51, 0xff52, 0xff53, 0xff55, 0xff57, 0xff58, 0xff59,
         0xff5c, 0xff5d, 0xff5e, 0xff5f, 0xff60, 0xff61, 0xff63, 0xff72,
         0xff73, 0xff74, 0xff75, 0xff76, 0xff77, 0xff78, 0xff79});
    return std::ranges::find(needed, marker) != needed.end();
}

} // namespace fiona::dicom
