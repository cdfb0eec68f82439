// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/wsi/slide_contents.h"
#include "libfiona/wsi/tiff_tags.h"
#include "libfiona/wsi/tile_table.h"

#include <algorithm>
#include <cmath>

namespace fiona::wsi {

namespace {

TileCoding coding_of(std::uint64_t compression)
{
    switch (compression) {
    case 7: return TileCoding::jpeg;
    case 33003: return TileCoding::jpeg2000_ycc;
    case 33005: return TileCoding::jpeg2000_rgb;
    default: return TileCoding::other;
    }
}

} // namespace

SlideImage image_of(const Tiff& tiff, std::size_t directory)
{
    const auto& from = tiff.directories().at(directory);
    try {
        TileTable table{tiff, from};
        table.check();
        SlideImage image;
        image.width = tiff.number(from, tag::image_width).value_or(0);
        image.height = tiff.number(from, tag::image_length).value_or(0);
        if (table.is_tiled()) {
            image.tile_width = tiff.number(from, tag::tile_width).value_or(0);
            image.tile_height = tiff.number(from, tag::tile_length).value_or(0);
        }
        image.coding = coding_of(tiff.number(from, tag::compression).value_or(1));
        image.photometric =
            static_cast<std::uint16_t>(tiff.number(from, tag::photometric).value_or(0));
        image.directory = directory;
        return image;
    } catch (const Error& error) {
        throw error.in(fmt::format("directory {}", directory));
    }
}

bool has_shape_of(const SlideImage& image, const SlideImage& level)
{
    if (image.width > level.width || image.height > level.height) {
        return false;
    }
    // Each side is rounded, or cut to whole pixels of the level above: two pixels of either side.
    constexpr double pixels = 2.0;
    const auto real = [](std::uint64_t value) { return static_cast<double>(value); };
    const auto by_height = real(image.height) * real(level.width) / real(level.height);
    const auto by_width = real(image.width) * real(level.height) / real(level.width);
    return std::abs(by_height - real(image.width)) <= pixels
           || std::abs(by_width - real(image.height)) <= pixels;
}

bool is_decoded_whole(const Slide& slide, const SlideImage& level)
{
    return slide.format() != SlideFormat::generic_tiff
           || (level.width >= level.tile_width && level.height >= level.tile_height);
}

void set_downsamples(std::vector<SlideImage>& images)
{
    const auto first = std::ranges::find(images, ImageRole::level, &SlideImage::role);
    if (first == images.end()) {
        throw Error{Fault::data, "a slide without a level"};
    }
    const auto width = static_cast<double>(first->width);
    for (auto& image : images) {
        if (image.role == ImageRole::level || image.role == ImageRole::thumbnail) {
            image.downsample = width / static_cast<double>(image.width);
        }
    }
}

std::optional<double> micrometres_per_pixel(const Tiff& tiff, const TiffDirectory& directory,
                                            std::uint16_t resolution_tag)
{
    constexpr std::uint64_t inch = 2; // TIFF 6.0: also where no unit is given
    constexpr std::uint64_t centimetre = 3;
    const auto resolution = tiff.real(directory, resolution_tag);
    const auto unit = tiff.number(directory, tag::resolution_unit).value_or(inch);
    if (!resolution || !std::isfinite(*resolution) || *resolution <= 0.0
        || (unit != inch && unit != centimetre)) {
        return std::nullopt;
    }
    const auto size = (unit == inch ? 25'400.0 : 10'000.0) / *resolution;
    // Finer than light can show, or coarser than a photograph of the glass: no measurement.
    return size >= 0.001 && size <= 1000.0 ? std::optional{size} : std::nullopt;
}

std::string text_of(const Tiff& tiff, const TiffDirectory& directory, std::uint16_t tag)
{
    constexpr std::uint64_t longest = std::uint64_t{1} << 20U;
    const auto* const entry = directory.find(tag);
    if (entry == nullptr || entry->bytes > longest) {
        return {};
    }
    const auto value = tiff.bytes(directory, tag, longest);
    return value.substr(0, value.find('\0'));
}

} // namespace fiona::wsi
