// SPDX-License-Identifier: MIT
#include "libfiona/pixel/frame_source.h"

#include "libfiona/base/error.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <numeric>
#include <utility>

namespace fiona::pixel {

namespace {

constexpr std::string_view big_endian = "1.2.840.10008.1.2.2";
constexpr std::string_view implicit_little_endian = "1.2.840.10008.1.2";
constexpr std::uint32_t undefined_length = 0xffffffff;
constexpr std::size_t most_fragments = 4'000'000;

std::uint32_t number(const Bytes& bytes, std::size_t at, bool is_big)
{
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < 4; ++i) {
        value |= std::uint32_t{bytes[at + i]} << (is_big ? 24 - 8 * i : 8 * i);
    }
    return value;
}

} // namespace

void swap_pairs(Bytes& bytes)
{
    for (std::size_t i = 0; i + 1 < bytes.size(); i += 2) {
        std::swap(bytes[i], bytes[i + 1]);
    }
}

FrameSource::FrameSource(int fd, std::uint64_t element_offset, std::string transfer_syntax,
                         const PixelDescription& description)
    : m_fd{fd}, m_syntax{std::move(transfer_syntax)}, m_description{description}
{
    const auto compression = compression_of(m_syntax);
    if (compression == Compression::unknown) {
        throw Error{Fault::data, "no decoder for transfer syntax {}", m_syntax};
    }
    read_element(element_offset);
    if (m_element.is_encapsulated != (compression != Compression::native)) {
        throw Error{Fault::data, "the form of the pixel data does not fit the transfer syntax"};
    }
    if (m_element.is_encapsulated) {
        group_fragments(read_fragments());
    } else {
        check_native_length();
    }
}

Bytes FrameSource::read(std::uint64_t offset, std::uint64_t count) const
{
    Bytes bytes(count);
    std::size_t done = 0;
    while (done < count) {
        const auto got =
            ::pread(m_fd, bytes.data() + done, count - done, static_cast<off_t>(offset + done));
        if (got < 0 && errno != EINTR) {
            throw os_error(errno, "read pixel data");
        }
        if (got == 0) {
            throw Error{Fault::data, "the file ends inside its pixel data"};
        }
        done += got > 0 ? static_cast<std::size_t>(got) : 0;
    }
    return bytes;
}

// PS3.5 §7.1: implicit VR has tag and length, explicit VR of OB, OW and UN two letters, two bytes
// of nothing, and a length of four bytes.
void FrameSource::read_element(std::uint64_t offset)
{
    const bool is_implicit = m_syntax == implicit_little_endian;
    const bool is_big = m_syntax == big_endian;
    const auto head = read(offset, is_implicit ? 8 : 12);
    m_element.vr = is_implicit ? "OW" : std::string(head.begin() + 4, head.begin() + 6);
    if (m_element.vr != "OB" && m_element.vr != "OW" && m_element.vr != "UN") {
        throw Error{Fault::data, "pixel data of an illegal value representation"};
    }
    m_element.is_word = m_element.vr == "OW";
    const auto length = number(head, is_implicit ? 4 : 8, is_big);
    m_element.is_encapsulated = length == undefined_length;
    m_element.value_offset = offset + head.size();
    m_element.value_length = m_element.is_encapsulated ? 0 : length;
}

/// More samples than the header declares could show what nobody looked at.
void FrameSource::check_native_length() const
{
    if (m_description.layout.is_subsampled() && m_description.layout.columns % 2 != 0) {
        throw Error{Fault::data, "an odd number of columns with half the chrominance"};
    }
    const auto expected = m_description.layout.frame_bytes() * m_description.frames;
    if (m_element.value_length != expected + expected % 2 && m_element.value_length != expected) {
        throw Error{Fault::data, "pixel data of {} bytes, rows, columns and frames say {}",
                    m_element.value_length, expected};
    }
    if (m_syntax == big_endian && m_element.is_word && m_description.layout.frame_bytes() % 2 != 0
        && m_description.frames > 1) {
        throw Error{Fault::data, "frames of odd length in swapped words"};
    }
}

/// PS3.5 §A.4: the offset table, then the fragments, then a delimiter.
std::vector<std::uint32_t> FrameSource::read_fragments()
{
    constexpr std::uint32_t item_tag = 0xe000fffe;
    constexpr std::uint32_t delimiter_tag = 0xe0ddfffe;
    auto at = m_element.value_offset;
    std::vector<std::uint32_t> table;
    std::uint64_t first_item = 0;
    for (bool is_table = true;; is_table = false) {
        const auto head = read(at, 8);
        const auto tag = number(head, 0, false);
        const auto length = number(head, 4, false);
        if (tag == delimiter_tag) {
            break;
        }
        if (tag != item_tag || m_fragments.size() >= most_fragments) {
            throw Error{Fault::data, "the fragments of the pixel data are broken"};
        }
        if (is_table) {
            const auto bytes = read(at + 8, std::min<std::uint64_t>(length, 4 * most_fragments));
            for (std::size_t i = 0; i + 4 <= bytes.size(); i += 4) {
                table.push_back(number(bytes, i, false));
            }
            first_item = at + 8 + length;
        } else {
            m_fragments.push_back({at + 8, length, at - first_item});
        }
        at += 8 + std::uint64_t{length};
    }
    return table;
}

void FrameSource::group_fragments(const std::vector<std::uint32_t>& offset_table)
{
    const auto frames = m_description.frames;
    if (frames == 1 && !m_fragments.empty()) {
        m_first_fragment = {0};
    } else if (m_fragments.size() == frames) {
        m_first_fragment.resize(frames);
        std::iota(m_first_fragment.begin(), m_first_fragment.end(), 0U);
    } else if (!group_by_table(offset_table) && !group_by_start_of_image()) {
        throw Error{Fault::data, "{} fragments cannot be put together to {} frames",
                    m_fragments.size(), frames};
    }
    m_first_fragment.push_back(static_cast<std::uint32_t>(m_fragments.size()));
    // A frame never needs more than its samples and what a bad encoder adds.
    const auto most = 2 * m_description.layout.frame_bytes() + (1U << 20U);
    for (std::uint32_t i = 0; i < frames; ++i) {
        std::uint64_t bytes = 0;
        for (auto part = m_first_fragment[i]; part < m_first_fragment[i + 1]; ++part) {
            bytes += m_fragments[part].length;
        }
        if (bytes > most) {
            throw Error{Fault::data, "a compressed frame is longer than its samples"};
        }
    }
}

bool FrameSource::group_by_table(const std::vector<std::uint32_t>& offset_table)
{
    if (offset_table.size() != m_description.frames || offset_table.front() != 0) {
        return false;
    }
    std::vector<std::uint32_t> firsts;
    std::size_t fragment = 0;
    for (const auto offset : offset_table) {
        while (fragment < m_fragments.size() && m_fragments[fragment].item < offset) {
            ++fragment;
        }
        if (fragment == m_fragments.size() || m_fragments[fragment].item != offset
            || (!firsts.empty() && firsts.back() == fragment)) {
            return false; // it lies
        }
        firsts.push_back(static_cast<std::uint32_t>(fragment));
    }
    m_first_fragment = std::move(firsts);
    return true;
}

/// A JPEG stream starts with FFD8, a JPEG 2000 one with FF4F. RLE has no such mark.
bool FrameSource::group_by_start_of_image()
{
    const auto compression = compression_of(m_syntax);
    if (compression == Compression::rle || m_fragments.size() < m_description.frames) {
        return false;
    }
    const std::uint8_t second = compression == Compression::jpeg_2000 ? 0x4f : 0xd8;
    std::vector<std::uint32_t> firsts;
    for (std::uint32_t i = 0; i < m_fragments.size(); ++i) {
        if (m_fragments[i].length < 2) {
            continue;
        }
        const auto start = read(m_fragments[i].offset, 2);
        if (start[0] == 0xff && start[1] == second) {
            firsts.push_back(i);
        }
    }
    if (firsts.size() != m_description.frames || firsts.front() != 0) {
        return false;
    }
    m_first_fragment = std::move(firsts);
    return true;
}

std::vector<Bytes> FrameSource::fragments(std::uint32_t index) const
{
    std::vector<Bytes> parts;
    for (auto i = m_first_fragment.at(index); i < m_first_fragment.at(index + 1); ++i) {
        parts.push_back(read(m_fragments[i].offset, m_fragments[i].length));
    }
    return parts;
}

Frame FrameSource::frame(std::uint32_t index) const
{
    const auto& layout = m_description.layout;
    if (m_element.is_encapsulated) {
        return decode_frame(fragments(index), layout, m_syntax);
    }
    const auto size = layout.frame_bytes();
    const bool is_swapped =
        m_syntax == big_endian && (m_element.is_word || layout.bits_allocated == 16);
    const auto start = m_element.value_offset + index * size;
    Frame frame{layout, read(start, is_swapped ? size + size % 2 : size)};
    if (is_swapped) {
        swap_pairs(frame.samples);
    }
    frame.samples.resize(size);
    return frame;
}

} // namespace fiona::pixel
