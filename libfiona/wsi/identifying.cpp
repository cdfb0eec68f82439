// SPDX-License-Identifier: MIT
#include "libfiona/wsi/identifying.h"

#include "libfiona/base/text.h"
#include "libfiona/wsi/tiff_tags.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace fiona::wsi {

namespace {

// TIFF 6.0, its technical notes 1 to 3, libtiff's ImageDepth and TileDepth: numbers that say how to
// decode, and the ICC profile, whose texts are cleaned.
constexpr auto structural = std::to_array<std::uint16_t>(
    {254, 255, 256, 257, 258, 259, 262, 263, 264, 265, 266, 273, 274, 277, 278,   279,   280,
     281, 282, 283, 284, 286, 287, 290, 291, 292, 293, 296, 297, 301, 317, 318,   319,   320,
     322, 323, 324, 325, 330, 338, 339, 340, 341, 347, 529, 530, 531, 532, 32997, 32998, 34675});

// Hamamatsu: make and model, and its numbers for levels. Without are 65427 (label), 65428 (code), 65442
// (serial number), 65448 (firmware), 65453 to 65457 (lamp's age, times), 65468 (barcode).
constexpr auto hamamatsu = std::to_array<std::uint16_t>(
    {271,   272,   65324, 65325, 65420, 65421, 65422, 65423, 65424, 65425,
     65426, 65432, 65434, 65435, 65441, 65444, 65446, 65447, 65449, 65500});

template <std::size_t size>
bool holds(const std::array<std::uint16_t, size>& sorted, std::uint16_t tag)
{
    return std::ranges::binary_search(sorted, tag);
}

/// As many numbers as there are tiles, strips, restart intervals, directories below, or colours.
bool is_table(std::uint16_t number)
{
    constexpr std::uint16_t transfer_function = 301;
    constexpr std::uint16_t colour_map = 320;
    switch (number) {
    case tag::strip_offsets:
    case tag::strip_byte_counts:
    case tag::tile_offsets:
    case tag::tile_byte_counts:
    case tag::sub_directories:
    case tag::ndpi_strip_offsets_high:
    case tag::ndpi_strip_byte_counts_high:
    case tag::ndpi_mcu_starts:
    case tag::ndpi_mcu_starts_high:
    case transfer_function:
    case colour_map: return true;
    default: return false;
    }
}

bool is_control(char c)
{
    return static_cast<unsigned char>(c) < ' ';
}

/// A value as it stands in the file, if it is text of a length that can be searched for.
std::string short_text(const Tiff& tiff, const TiffEntry& entry)
{
    constexpr std::uint64_t longest = 256;
    constexpr std::uint16_t numeric = 3; // from SHORT on; before it BYTE and ASCII
    constexpr std::uint16_t undefined = 7;
    if (entry.bytes == 0 || entry.bytes > longest
        || (entry.type >= numeric && entry.type != undefined)) {
        return {};
    }
    std::string value(entry.bytes, '\0');
    tiff.file().read(entry.value_offset, std::as_writable_bytes(std::span{value}));
    const std::string text{trimmed(value.substr(0, value.find('\0')))};
    const bool is_text = std::ranges::all_of(
        text, [](char c) { return static_cast<unsigned char>(c) >= ' ' || c == '\t'; });
    return is_text ? text : std::string{};
}

} // namespace

bool is_kept_tag(SlideFormat format, std::uint16_t tag)
{
    return holds(structural, tag) || (format == SlideFormat::hamamatsu && holds(hamamatsu, tag))
           || (format == SlideFormat::aperio && tag == tag::image_description);
}

bool is_text_tag(std::uint16_t number)
{
    constexpr std::uint16_t make = 271;
    constexpr std::uint16_t model = 272;
    return number == tag::image_description || number == tag::ndpi_properties
           || number == tag::icc_profile || number == tag::jpeg_tables || number == make
           || number == model;
}

bool is_kept_entry(SlideFormat format, const TiffEntry& entry)
{
    constexpr std::uint16_t ascii = 2;
    constexpr std::uint16_t undefined = 7;
    constexpr std::uint64_t few_bytes = 64; // six RATIONALs, the longest of them, have 48
    if (!is_kept_tag(format, entry.tag) || is_text_tag(entry.tag)) {
        return is_kept_tag(format, entry.tag);
    }
    return entry.type != ascii && entry.type != undefined
           && (entry.bytes <= few_bytes || is_table(entry.tag));
}

bool is_kept_aperio_field(std::string_view key, std::string_view value)
{
    // All but those that name the slide, the device, a person or a time. What is not listed here goes.
    constexpr auto texts = std::to_array<std::string_view>(
        {"icc profile", "parmset", "scannertype", "sessonmode", "sessionmode"});
    constexpr auto numbers = std::to_array<std::string_view>(
        {"appmag", "displaycolor", "exposure scale", "exposure time", "filtered", "focus offset",
         "gamma", "left", "lineareaxoffset", "lineareayoffset", "linecameraskew", "mpp", "offsetz",
         "originalheight", "originalwidth", "stripewidth", "top"});
    const auto word = lower_case(trimmed(key));
    if (std::ranges::find(texts, word) != texts.end()) {
        return std::ranges::none_of(value, is_control);
    }
    return std::ranges::find(numbers, word) != numbers.end()
           && value.find_first_not_of("0123456789+-.eE ") == std::string_view::npos;
}

bool is_kept_ndpi_property(std::string_view key)
{
    constexpr auto kept = std::to_array<std::string_view>(
        {"product", "objective.lens.magnificant", "firmware.version"});
    return std::ranges::find(kept, lower_case(trimmed(key))) != kept.end();
}

std::string_view known_key(std::string_view key, std::string_view instead)
{
    // Those of the scanners' own that are cleaned; the kept ones are above.
    constexpr auto words = std::to_array<std::string_view>(
        {"barcode", "created", "date", "dsr id", "filename", "imageid", "macro.s/n", "ndp.s/n",
         "rack", "scanscope id", "slide", "time", "time zone", "title", "updated", "user",
         "objective.lens.magnificant", "product", "firmware.version"});
    const auto word = lower_case(trimmed(key));
    const bool is_known = std::ranges::find(words, word) != words.end()
                          || (is_kept_aperio_field(key, {}) && !key.empty());
    return is_known ? key : instead;
}

void add_identifying_tags(const Tiff& tiff, SlideFormat format, std::vector<IdentifyingItem>& items)
{
    const auto& directories = tiff.directories();
    for (std::size_t i = 0; i < directories.size(); ++i) {
        for (const auto& entry : directories[i].entries) {
            if (!is_kept_entry(format, entry)) {
                items.push_back(
                    {fmt::format("tag {}", entry.tag), i, Private{short_text(tiff, entry)}});
            }
        }
    }
}

void add_identifying_images(const std::vector<SlideImage>& images,
                            std::vector<IdentifyingItem>& items)
{
    for (const auto& image : images) {
        if (image.role != ImageRole::level && image.role != ImageRole::thumbnail) {
            items.push_back({fmt::format("{} image", to_string(image.role)), image.directory,
                             Private{std::string{}}});
        }
    }
}

} // namespace fiona::wsi
