// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/wsi/slide.h"

/// What a source finds in a slide of its format: the inside of Slide.
namespace fiona::wsi {

struct SlideContents {
    SlideFormat format = SlideFormat::other;
    std::vector<SlideImage> images;
    SlideFacts facts;
    std::vector<IdentifyingItem> identifying;
    Private<std::string> scan_date{std::string{}};
    Private<std::string> scanner_id{std::string{}};
};

/// By the content of the first directory. `other`: only OpenSlide can say more.
[[nodiscard]] SlideFormat format_of(const Tiff& tiff);

/// Each throws Error{Fault::data} for a slide it cannot make sense of.
[[nodiscard]] SlideContents read_aperio(const Tiff& tiff);
[[nodiscard]] SlideContents read_hamamatsu(const Tiff& tiff);
[[nodiscard]] SlideContents read_generic_tiff(const Tiff& tiff);
/// By OpenSlide, in a child.
[[nodiscard]] SlideContents read_other(const std::filesystem::path& path);

/// Size, tiles and coding of a directory, checked: every tile or strip lies in the file. Role unknown.
[[nodiscard]] SlideImage image_of(const Tiff& tiff, std::size_t directory);
/// Whether `image` shows what `level` does, smaller: the same shape, but for rounding.
[[nodiscard]] bool has_shape_of(const SlideImage& image, const SlideImage& level);
/// Whether OpenSlide 3.4.1 decodes this level of a TIFF file of no maker: libtiff 4.5 leaves a tile that is
/// larger than its picture partly unset, and what stood in memory would be taken for pixels.
[[nodiscard]] bool is_decoded_whole(const Slide& slide, const SlideImage& level);
/// Sets `downsample` of all levels and thumbnails against the first level. Throws Error{Fault::data} if
/// there is no level.
void set_downsamples(std::vector<SlideImage>& images);
/// From XResolution and its unit; nothing if the file gives none, or none with a unit.
[[nodiscard]] std::optional<double> micrometres_per_pixel(const Tiff& tiff,
                                                          const TiffDirectory& directory,
                                                          std::uint16_t resolution_tag);
/// The text of a value up to its first NUL, "" above 1 MiB.
[[nodiscard]] std::string text_of(const Tiff& tiff, const TiffDirectory& directory,
                                  std::uint16_t tag);

} // namespace fiona::wsi
