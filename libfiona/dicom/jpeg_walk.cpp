// SPDX-License-Identifier: MIT
#include "libfiona/dicom/fragments.h"
#include "libfiona/dicom/stream_walks.h"

#include <algorithm>
#include <optional>
#include <string>

namespace fiona::dicom {

namespace {

class JpegWalk {
public:
    JpegWalk(Fragments& fragments, FrameCoding coding)
        : m_fragments{fragments}, m_is_ls{coding == FrameCoding::jpeg_ls}
    {
    }

    void run()
    {
        if (m_fragments.take_16() != (0xff00U | soi)) {
            throw damaged("a frame does not begin as JPEG");
        }
        bool has_scan = false;
        bool is_in_scan = false;
        for (;;) {
            const auto marker = is_in_scan ? next_in_scan() : std::optional{next_in_header()};
            if (!marker || *marker == eoi) {
                break;
            }
            if (*marker >= rst0 && *marker <= rst7 && is_in_scan) {
                continue;
            }
            pass_segment(*marker);
            is_in_scan = *marker == sos;
            has_scan = has_scan || is_in_scan;
        }
        if (!has_scan) {
            throw damaged("a JPEG without a picture");
        }
    }

    static bool begins(Fragments& fragments) { return begins_with(fragments, 0xff, soi); }

private:
    // T.81 table B.1, T.87 table C.1.
    static constexpr std::uint8_t sof0 = 0xc0;
    static constexpr std::uint8_t dht = 0xc4;
    static constexpr std::uint8_t jpg = 0xc8;
    static constexpr std::uint8_t dac = 0xcc;
    static constexpr std::uint8_t sof15 = 0xcf;
    static constexpr std::uint8_t rst0 = 0xd0;
    static constexpr std::uint8_t rst7 = 0xd7;
    static constexpr std::uint8_t soi = 0xd8;
    static constexpr std::uint8_t eoi = 0xd9;
    static constexpr std::uint8_t sos = 0xda;
    static constexpr std::uint8_t dqt = 0xdb;
    static constexpr std::uint8_t dnl = 0xdc;
    static constexpr std::uint8_t dri = 0xdd;
    static constexpr std::uint8_t dhp = 0xde;
    static constexpr std::uint8_t exp = 0xdf;
    static constexpr std::uint8_t app0 = 0xe0;
    static constexpr std::uint8_t sof55 = 0xf7;
    static constexpr std::uint8_t lse = 0xf8;

    [[nodiscard]] std::uint8_t next_in_header()
    {
        if (m_fragments.take() != 0xff) {
            throw damaged("no marker where one must be");
        }
        auto marker = m_fragments.take();
        while (marker == 0xff) { // fill bytes, B.1.1.2
            marker = m_fragments.take();
        }
        return marker;
    }

    /// The next marker; nothing where all ends, or the next frame begins, without EOI.
    [[nodiscard]] std::optional<std::uint8_t> next_in_scan()
    {
        const auto stuffed = m_is_ls ? 0x7f : 0x00; // the greatest byte that follows FF in a scan
        for (;;) {
            if (!m_fragments.more() || begins(m_fragments)) {
                return std::nullopt;
            }
            if (!m_fragments.skip_to_marker()) {
                continue;
            }
            std::uint8_t next = 0xff;
            while (next == 0xff) {
                if (!m_fragments.more()) {
                    return std::nullopt;
                }
                next = m_fragments.take();
            }
            if (next > stuffed) {
                return next;
            }
        }
    }

    void pass_segment(std::uint8_t marker)
    {
        const std::size_t length = m_fragments.take_16();
        if (length < 2) {
            throw damaged("a segment without a length");
        }
        const auto bytes = length - 2;
        // JPEG-LS under another name: what it needs would be taken for remarks.
        const bool is_foreign_picture = marker == sof55 && !m_is_ls;
        if (marker < sof0 || marker == jpg || (marker >= rst0 && marker <= eoi)
            || is_foreign_picture) {
            throw damaged("a marker that no such stream has there");
        }
        const bool is_of_ls = m_is_ls && (marker == sof55 || marker == lse);
        if (marker >= app0 && !is_of_ls) {
            clear_remark(marker, bytes);
        } else {
            pass_needed(marker, bytes);
        }
    }

    /// Whoever reads these segments passes by what they have more.
    void pass_needed(std::uint8_t marker, std::size_t bytes)
    {
        const auto start = m_fragments.passed();
        std::size_t expected = bytes;
        if (is_frame_header(marker)) {
            m_fragments.skip(std::min<std::size_t>(5, bytes));
            expected = 6 + 3 * std::size_t{m_fragments.take()};
        } else if (marker == sos) {
            expected = 4 + 2 * std::size_t{m_fragments.take()};
        } else if (marker == dnl) {
            expected = 2;
        } else if (marker == dri) {
            expected = m_is_ls ? std::clamp<std::size_t>(bytes, 2, 4) : 2;
        } else if (marker == exp) {
            expected = 1;
        }
        if (expected != bytes) {
            throw damaged("a segment of another length than its content");
        }
        m_fragments.skip(bytes - (m_fragments.passed() - start));
    }

    [[nodiscard]] static bool is_frame_header(std::uint8_t marker)
    {
        return marker == sof55 || marker == dhp
               || (marker >= sof0 && marker <= sof15 && marker != dht && marker != dac);
    }

    void clear_remark(std::uint8_t marker, std::size_t bytes)
    {
        std::string first(std::min(bytes, longest_kept), '\0');
        const auto here = m_fragments.place();
        std::ranges::generate(first, [&] { return static_cast<char>(m_fragments.take()); });
        m_fragments.go_back(here);
        const auto kept = kept_of_application_segment(marker, first);
        m_fragments.skip(kept);
        m_fragments.clear(bytes - kept);
    }

    Fragments& m_fragments;
    bool m_is_ls;
};

} // namespace

void walk_jpeg(Fragments& fragments, FrameCoding coding)
{
    JpegWalk{fragments, coding}.run();
}

std::size_t kept_of_application_segment(std::uint8_t marker, std::string_view value)
{
    constexpr std::uint8_t app0 = 0xe0;
    constexpr std::uint8_t app8 = 0xe8;
    constexpr std::uint8_t app14 = 0xee;
    constexpr std::size_t jfif = 12; // without its thumbnail
    constexpr std::size_t adobe = 12;
    constexpr std::size_t hp = 5; // "mrfx", and which transform
    std::size_t kept = 0;
    if (marker == app0 && value.starts_with(std::string_view{"JFIF\0", 5})) {
        kept = jfif;
    } else if (marker == app14 && value.starts_with("Adobe")) {
        kept = adobe;
    } else if (marker == app8 && value.starts_with("mrfx")) {
        kept = hp;
    }
    return std::min(kept, value.size());
}

} // namespace fiona::dicom
