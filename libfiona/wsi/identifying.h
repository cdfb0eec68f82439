// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/wsi/slide.h"

#include <string_view>

/// What in a TIFF file may say whose it is. Allow-lists throughout: what nobody has vouched for goes.
namespace fiona::wsi {

/// Whether a tag's value describes pixels or the optics, or is cleaned by its content (Aperio's description,
/// Hamamatsu's property map, the ICC profile). Every other tag is identifying:
/// TIFF's 305 to 316, 700, 33723, EXIF and GPS directories, Aperio's 55000 to 55004, Hamamatsu's label
/// text, serial number and barcode, and all that a scanner of tomorrow may write.
[[nodiscard]] bool is_kept_tag(SlideFormat format, std::uint16_t tag);

/// A key of an Aperio description whose value may stay.
[[nodiscard]] bool is_kept_aperio_key(std::string_view key);

/// A key of Hamamatsu's property map whose value may stay.
[[nodiscard]] bool is_kept_ndpi_property(std::string_view key);

/// `key` if it looks like a scanner's word: at most 32 letters, blanks, dots and slashes. Else `instead`: an
/// unknown key is a stranger's text itself.
[[nodiscard]] std::string_view plain_name(std::string_view key, std::string_view instead);

/// An item for each tag of each directory that is not kept, with its value where it is short text.
void add_identifying_tags(const Tiff& tiff, SlideFormat format,
                          std::vector<IdentifyingItem>& items);

/// An item for each picture that is neither level nor thumbnail.
void add_identifying_images(const std::vector<SlideImage>& images,
                            std::vector<IdentifyingItem>& items);

} // namespace fiona::wsi
