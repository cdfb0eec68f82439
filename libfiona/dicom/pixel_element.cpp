// SPDX-License-Identifier: MIT
#include "libfiona/dicom/pixel_element.h"

#include "libfiona/base/error.h"
#include "libfiona/dicom/code_stream.h"
#include "libfiona/dicom/fragments.h"

#include <algorithm>
#include <span>
#include <string>
#include <vector>

namespace fiona::dicom {

namespace {

constexpr std::uint32_t undefined_length = 0xffffffffU;
constexpr Tag float_pixels{0x7fe0, 0x0008};
constexpr Tag double_pixels{0x7fe0, 0x0009};
constexpr Tag pixels{0x7fe0, 0x0010};
constexpr std::uint64_t item_head = 8; // tag and length

/// Fewer at the end of the file.
std::size_t read_at(const FileSource& source, std::uint64_t offset, std::span<std::byte> target)
{
    std::size_t filled = 0;
    while (filled < target.size()) {
        const auto got = source.read_at(offset + filled, target.subspan(filled));
        if (got == 0) {
            break;
        }
        filled += got;
    }
    return filled;
}

struct Item {
    bool is_delimiter = false;
    std::uint64_t length = 0;
};

Item item_at(const FileSource& source, std::uint64_t offset)
{
    std::array<std::byte, item_head> head{};
    const bool is_whole = read_at(source, offset, head) == head.size();
    const Item item{read_u16(head, 2, Coding::explicit_little) == 0xe0dd,
                    read_u32(head, 4, Coding::explicit_little)};
    if (!is_whole || read_u16(head, 0, Coding::explicit_little) != 0xfffe
        || (!item.is_delimiter && read_u16(head, 2, Coding::explicit_little) != 0xe000)
        || item.length > source.size() - offset - item_head) {
        throw Error{Fault::data, "the fragments of the pixel data have no end"};
    }
    return item;
}

bool is_legal_vr(const PixelElement& element)
{
    const std::string_view vr{element.vr.data(), element.vr.size()};
    if (vr.front() == '\0') {
        return true;
    }
    if (element.tag != pixels) {
        return vr == (element.tag == float_pixels ? "OF" : "OD");
    }
    // UN: what a converter makes of an element it does not know; as opaque as the others.
    return vr == "OB" || vr == "OW" || (vr == "UN" && !element.is_encapsulated);
}

std::optional<std::uint64_t> product(std::initializer_list<std::uint64_t> factors)
{
    std::uint64_t result = 1;
    for (const auto factor : factors) {
        if (__builtin_mul_overflow(result, factor, &result)) {
            return std::nullopt;
        }
    }
    return result;
}

std::uint64_t bits_of_sample(const PixelShape& shape, Tag tag)
{
    return tag == float_pixels ? 32 : tag == double_pixels ? 64 : shape.bits_allocated;
}

std::uint64_t bytes_for(std::uint64_t bits)
{
    return bits / 8 + (bits % 8 != 0 ? 1 : 0);
}

/// Whether bit `position` of the words that hold samples is none of theirs.
bool is_unused_bit(unsigned position, unsigned bits_allocated, unsigned bits_stored,
                   unsigned high_bit)
{
    return position < bits_allocated && (position > high_bit || position + bits_stored <= high_bit);
}

/// PS3.5 §G.2: a segment for each byte of a pixel; of single bits (§8.1.1) there is one.
FrameSize frame_size(const PixelElement& element, const PixelShape& shape)
{
    const bool is_whole = shape.bits_allocated == 1 || shape.bits_allocated % 8 == 0;
    return {shape.frame_bytes(element).value_or(0),
            is_whole ? shape.samples * bytes_for(shape.bits_allocated) : 0};
}

/// Of native data, as value_bytes() takes them where no other layout has their length.
std::uint64_t laid_out_frame(const PixelShape& shape, const PixelElement& element)
{
    const auto bytes = shape.frame_bytes(element).value_or(0);
    return shape.is_halved() ? bytes / 3 * 2 : bytes;
}

void find_in_native(const FileSource& source, const PixelElement& element, const PixelShape& shape,
                    const RangeSink& sink)
{
    const bool is_no_image = shape.rows == 0 && shape.columns == 0; // all of it is behind the image
    const auto expected = is_no_image ? std::uint64_t{0} : shape.value_bytes(element);
    if (!expected) {
        throw Error{Fault::data, "the header does not say how many bytes the pixel data have"};
    }
    constexpr std::size_t block = std::size_t{64} << 10U;
    std::vector<std::byte> bytes;
    const auto end = element.value_offset + element.value_length;
    auto at = element.value_offset + std::min(*expected, element.value_length);
    const bool has_room = !is_no_image && end - at + 1 >= laid_out_frame(shape, element); // padding
    while (at < end) {
        bytes.resize(static_cast<std::size_t>(std::min<std::uint64_t>(block, end - at)));
        if (read_at(source, at, bytes) != bytes.size()) {
            throw Error{Fault::data, "the file ends inside its pixel data"};
        }
        if (std::ranges::any_of(bytes, [](std::byte byte) { return byte != std::byte{0}; })) {
            if (has_room) {
                throw Error{Fault::data,
                            "pixel data behind the last of {} frames, enough for another one; "
                            "NumberOfFrames (0028,0008) must say how many there are",
                            shape.frames};
            }
            sink({at, bytes.size()});
        }
        at += bytes.size();
    }
}

} // namespace

PixelElement read_pixel_element(const StoredBytes& bytes, std::uint64_t offset, Coding coding)
{
    const FileSource source{bytes};
    std::array<std::byte, 12> head{};
    const auto got = read_at(source, offset, head);
    PixelElement element;
    element.tag = {read_u16(head, 0, coding), read_u16(head, 2, coding)};
    std::size_t head_bytes = 8;
    std::uint32_t length = 0;
    if (coding == Coding::implicit_little) {
        length = read_u32(head, 4, coding);
    } else {
        element.vr = {static_cast<char>(head[4]), static_cast<char>(head[5])};
        head_bytes = has_short_length({element.vr.data(), element.vr.size()}) ? 8 : 12;
        length = head_bytes == 8 ? read_u16(head, 6, coding) : read_u32(head, 8, coding);
    }
    element.is_encapsulated = length == undefined_length;
    element.offset = offset;
    element.value_offset = offset + head_bytes;
    element.value_length = element.is_encapsulated ? 0 : length;
    if (got < head_bytes || element.value_length > source.size() - element.value_offset) {
        throw Error{Fault::data, "the pixel data element is cut off"};
    }
    return element;
}

void require_legal(const PixelElement& element, std::string_view transfer_syntax)
{
    if (!is_legal_vr(element)) {
        throw Error{Fault::data, "pixel data of an illegal value representation"};
    }
    const bool is_native =
        element.tag != pixels || frame_coding_of(transfer_syntax) == FrameCoding::native;
    if (element.is_encapsulated == is_native) {
        throw Error{Fault::data, "the form of the pixel data does not fit the transfer syntax"};
    }
}

std::uint64_t end_of(const StoredBytes& bytes, const PixelElement& element)
{
    if (!element.is_encapsulated) {
        return element.value_offset + element.value_length;
    }
    const FileSource source{bytes};
    for (auto at = element.value_offset;;) {
        const auto item = item_at(source, at);
        at += item_head + item.length;
        if (item.is_delimiter) {
            return at;
        }
    }
}

std::optional<std::uint64_t> behind_bad_offset_table(const StoredBytes& bytes,
                                                     const PixelElement& element)
{
    const FileSource source{bytes};
    const auto table = item_at(source, element.value_offset);
    const auto first = element.value_offset + item_head + table.length;
    if (table.is_delimiter) {
        throw Error{Fault::data, "pixel data without an offset table and without fragments"};
    }
    if (table.length % 4 != 0) {
        return first;
    }
    constexpr std::uint64_t block = std::uint64_t{64} << 10U;
    std::vector<std::byte> offsets;
    auto fragment = first;
    for (std::uint64_t at = 0; at < table.length; at += offsets.size()) {
        offsets.resize(static_cast<std::size_t>(std::min(block, table.length - at)));
        static_cast<void>(read_at(source, element.value_offset + item_head + at, offsets));
        for (std::size_t i = 0; i < offsets.size(); i += 4) {
            const auto wanted = first + read_u32(offsets, i, Coding::explicit_little);
            if (at + i != 0 && fragment >= wanted) {
                return first; // the same twice, or back
            }
            while (fragment < wanted) {
                const auto item = item_at(source, fragment);
                if (item.is_delimiter) {
                    return first;
                }
                fragment += item_head + item.length;
            }
            if (fragment != wanted || item_at(source, fragment).is_delimiter) {
                return first;
            }
        }
    }
    return std::nullopt;
}

std::optional<std::uint64_t> PixelShape::frame_bytes(const PixelElement& element) const
{
    const auto bits = product({rows, columns, samples, bits_of_sample(*this, element.tag)});
    return bits && *bits != 0 ? std::optional{bytes_for(*bits)} : std::nullopt;
}

std::optional<std::uint64_t> PixelShape::value_bytes(const PixelElement& element) const
{
    const auto frame = frame_bytes(element);
    // In swapped words the last sample can stand behind the padding: both stay.
    const auto even = [](std::uint64_t bytes) { return bytes + bytes % 2; };
    const auto fits = [&](std::uint64_t bytes) {
        return element.value_length == bytes || element.value_length == even(bytes);
    };
    if (frames == 0 && frame && fits(*frame)) {
        return even(*frame);
    }
    // Every frame to whole bytes.
    const auto padded = frame ? product({*frame, frames}) : std::nullopt;
    const auto bits = product({rows, columns, samples, bits_of_sample(*this, element.tag), frames});
    if (!padded || !bits || *bits == 0) {
        return std::nullopt;
    }
    if (fits(*padded)) {
        return even(*padded);
    }
    return even(bytes_for(is_halved() ? *bits / 3 * 2 : *bits));
}

void find_remarks(const StoredBytes& bytes, const PixelElement& element,
                  std::string_view transfer_syntax, const PixelShape& shape, const RangeSink& sink)
{
    if (!element.is_encapsulated) {
        find_in_native(FileSource{bytes}, element, shape, sink);
        return;
    }
    const auto table = item_at(FileSource{bytes}, element.value_offset);
    Fragments fragments{bytes, element.value_offset + item_head + table.length, sink};
    const auto walked =
        walk_frames(fragments, frame_coding_of(transfer_syntax), frame_size(element, shape));
    const bool is_told = shape.frames != 0;
    if ((is_told && walked.count > shape.frames)
        || ((walked.count < shape.frames || !is_told) && walked.are_followed)) {
        throw Error{Fault::data, "{} frames of compressed pixel data, the header declares {}",
                    walked.count, shape.frames};
    }
}

bool fit_fragments(const StoredBytes& bytes, const PixelElement& element,
                   std::span<const std::byte> offsets, std::span<const std::byte> lengths)
{
    constexpr std::size_t width = 8;
    if (!element.is_encapsulated || offsets.size() != lengths.size()) {
        return false;
    }
    const auto number = [](std::span<const std::byte> table, std::size_t at) {
        const std::uint64_t low = read_u32(table, at, Coding::explicit_little);
        return low | std::uint64_t{read_u32(table, at + 4, Coding::explicit_little)} << 32U;
    };
    const FileSource source{bytes};
    const auto first =
        element.value_offset + item_head + item_at(source, element.value_offset).length;
    auto fragment = first;
    std::size_t at = 0;
    for (auto item = item_at(source, fragment); !item.is_delimiter;
         item = item_at(source, fragment)) {
        if (at + width > offsets.size() || number(offsets, at) != fragment - first
            || (number(lengths, at) != item.length && number(lengths, at) + 1 != item.length)) {
            return false;
        }
        at += width;
        fragment += item_head + item.length;
    }
    return at == offsets.size();
}

bool has_overlay_in_samples(const HeaderFacts& header)
{
    const auto allocated = header.number({0x0028, 0x0100});
    const auto stored = header.number({0x0028, 0x0101});
    const auto high = header.number({0x0028, 0x0102});
    constexpr std::uint16_t last = 0x601e;
    for (std::uint16_t group = 0x6000; group <= last; group += 2) {
        if (!header.has_value({group, 0x0102})) {
            continue;
        }
        const auto position = header.number({group, 0x0102});
        const bool may_be_there = !position || !allocated || !stored || !high
                                  || is_unused_bit(*position, *allocated, *stored, *high);
        if (may_be_there && (position != 0U || !header.has_value({group, 0x3000}))) {
            return true;
        }
    }
    return false;
}

} // namespace fiona::dicom
