// SPDX-License-Identifier: MIT
#include "libfiona/anonymize/pixel_copy.h"

#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/base/number.h"
#include "libfiona/base/text.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>
#include <span>
#include <string_view>

namespace fiona::anonymize {

namespace {

/// The first value of a US; nothing if the element is absent or too short.
std::optional<std::uint16_t> number_at(const Item& root, Tag tag, Encoding encoding)
{
    const auto* const found = root.find(tag);
    if (found == nullptr || found->stored.size() < 2) {
        return std::nullopt;
    }
    return dicom::read_u16(std::as_bytes(std::span{found->stored}), 0, coding_of(encoding));
}

bool has_overlay_in_pixels(const Item& root, Encoding encoding)
{
    return dicom::has_overlay_in_samples({[&](Tag tag) { return number_at(root, tag, encoding); },
                                          [&](Tag tag) {
                                              const auto* const found = root.find(tag);
                                              return found != nullptr && !found->stored.empty();
                                          }});
}

void write_zeros(int file, const dicom::ByteRange& range)
{
    static constexpr std::array<char, std::size_t{64} << 10U> zeros{};
    for (std::uint64_t done = 0; done < range.bytes;) {
        const auto count = std::min<std::uint64_t>(zeros.size(), range.bytes - done);
        const auto wrote = ::pwrite(file, zeros.data(), static_cast<std::size_t>(count),
                                    static_cast<off_t>(range.offset + done));
        if (wrote < 0 && errno != EINTR) {
            throw os_error(errno, "write the output");
        }
        done += wrote > 0 ? static_cast<std::uint64_t>(wrote) : 0;
    }
}

} // namespace

dicom::PixelShape pixel_shape(const Item& root, Encoding encoding)
{
    dicom::PixelShape shape;
    shape.rows = number_at(root, {0x0028, 0x0010}, encoding).value_or(0);
    shape.columns = number_at(root, {0x0028, 0x0011}, encoding).value_or(0);
    shape.samples = number_at(root, {0x0028, 0x0002}, encoding).value_or(1);
    shape.bits_allocated = number_at(root, {0x0028, 0x0100}, encoding).value_or(0);
    const auto* const photometric = root.find({0x0028, 0x0004});
    shape.shares_chrominance =
        photometric != nullptr && trimmed(photometric->stored).ends_with("_422");
    const auto* const frames = root.find({0x0028, 0x0008});
    if (frames != nullptr && !trimmed(frames->stored).empty()) {
        shape.frames = read_number<std::uint32_t>(trimmed(frames->stored)).value_or(0);
    }
    return shape;
}

std::string refusal_of_pixels(const SourceFile& source, const Layout& layout, const Parsed& parsed)
{
    try {
        const auto element = source.pixel_element(parsed.end);
        if (!element) {
            return "";
        }
        dicom::require_legal(*element, layout.transfer_syntax);
    } catch (const Error& error) {
        if (error.fault() != Fault::data) {
            throw;
        }
        return error.what();
    }
    return has_overlay_in_pixels(parsed.root, layout.encoding)
               ? "an overlay in unused bits of the pixels; fiona-rewrite-pixel removes it"
               : "";
}

OffsetTables offset_tables(const Item& root, const dicom::StoredBytes& bytes,
                           const std::optional<dicom::PixelElement>& element)
{
    const auto* const offsets = root.find({0x7fe0, 0x0001});
    const auto* const lengths = root.find({0x7fe0, 0x0002});
    const auto is_table = [](const Element* table) {
        return table != nullptr && (table->vr == Vr{"OV"} || table->vr == Vr{"UN"});
    };
    const auto value = [](const Element& table) { return std::as_bytes(std::span{table.value()}); };
    const bool is_sound =
        element && is_table(offsets) && is_table(lengths)
        && dicom::fit_fragments(bytes, *element, value(*offsets), value(*lengths));
    return is_sound ? OffsetTables::sound : OffsetTables::none_or_bad;
}

std::uint64_t write_clean_pixels(const SourcePixels& pixels, int target)
{
    const auto& source = pixels.source;
    const auto element = source.pixel_element(pixels.parsed_end);
    if (!element) {
        return 0;
    }
    const auto start = ::lseek(target, 0, SEEK_CUR);
    if (start < 0) {
        throw os_error(errno, "write the output");
    }
    std::uint64_t written = 0;
    auto rest = element->offset;
    if (const auto behind = element->is_encapsulated
                                ? dicom::behind_bad_offset_table(source.stored(), *element)
                                : std::nullopt) {
        constexpr std::string_view no_offsets{"\xfe\xff\x00\xe0\x00\x00\x00\x00", 8};
        const auto head_bytes = element->value_offset - element->offset;
        source.copy(target, {element->offset, head_bytes});
        write_all(target, no_offsets, "the output");
        written = head_bytes + no_offsets.size();
        rest = *behind;
    }
    const SourceFile::Stretch all{rest, dicom::end_of(source.stored(), *element) - rest};
    source.copy(target, all);
    written += all.bytes;
    const auto copy = dicom::read_pixel_element(target, static_cast<std::uint64_t>(start),
                                                coding_of(pixels.layout.encoding));
    dicom::find_remarks(target, copy, pixels.layout.transfer_syntax, pixels.shape,
                        [&](const dicom::ByteRange& range) { write_zeros(target, range); });
    return written;
}

void require_walkable(const SourcePixels& pixels)
{
    if (const auto element = pixels.source.pixel_element(pixels.parsed_end)) {
        dicom::find_remarks(pixels.source.stored(), *element, pixels.layout.transfer_syntax,
                            pixels.shape, [](const dicom::ByteRange&) {});
    }
}

std::string remains_beside_picture(int file, std::uint64_t offset, const Layout& layout,
                                   const dicom::PixelShape& shape)
{
    const auto element = dicom::read_pixel_element(file, offset, coding_of(layout.encoding));
    dicom::require_legal(element, layout.transfer_syntax);
    if (dicom::end_of(file, element) != dicom::FileSource{file}.size()) {
        return "bytes behind the pixel data";
    }
    if (element.is_encapsulated && dicom::behind_bad_offset_table(file, element)) {
        return "an offset table that is none";
    }
    bool is_found = false;
    dicom::find_remarks(file, element, layout.transfer_syntax, shape,
                        [&](const dicom::ByteRange&) { is_found = true; });
    return is_found ? "bytes that are no picture" : "";
}

} // namespace fiona::anonymize
