// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/wsi/identifying.h"
#include "libfiona/wsi/slide_contents.h"
#include "libfiona/wsi/tiff_tags.h"

#include <algorithm>

namespace fiona::wsi {

namespace {

/// The first directory, and those that call themselves reduced copies (TIFF 6.0, NewSubfileType bit 0) and
/// have its shape. A generic file names no thumbnail: what is no level may be a label.
ImageRole role_of(const Tiff& tiff, const SlideImage& image, const std::vector<SlideImage>& before)
{
    constexpr std::uint64_t reduced = 1;
    if (image.tile_width == 0) {
        return ImageRole::unknown;
    }
    if (before.empty()) {
        return ImageRole::level;
    }
    const auto& directory = tiff.directories()[image.directory];
    const auto above = std::find_if(before.rbegin(), before.rend(), [](const SlideImage& other) {
        return other.role == ImageRole::level;
    });
    const bool is_level = tiff.number(directory, tag::new_subfile_type).value_or(0) == reduced
                          && above != before.rend() && image.width < above->width
                          && has_shape_of(image, before.front());
    return is_level ? ImageRole::level : ImageRole::unknown;
}

} // namespace

SlideContents read_generic_tiff(const Tiff& tiff)
{
    SlideContents contents;
    contents.format = SlideFormat::generic_tiff;
    const auto& directories = tiff.directories();
    for (std::size_t i = 0; i < directories.size(); ++i) {
        auto image = image_of(tiff, i);
        image.role = role_of(tiff, image, contents.images);
        contents.images.push_back(image);
    }
    set_downsamples(contents.images);
    contents.facts.mpp_x = micrometres_per_pixel(tiff, directories.front(), tag::x_resolution);
    contents.facts.mpp_y = micrometres_per_pixel(tiff, directories.front(), tag::y_resolution);
    contents.scan_date = Private{text_of(tiff, directories.front(), tag::date_time)};
    add_identifying_tags(tiff, SlideFormat::generic_tiff, contents.identifying);
    add_identifying_images(contents.images, contents.identifying);
    return contents;
}

} // namespace fiona::wsi
