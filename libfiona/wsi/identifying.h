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

/// Tags whose value is not a number and is rewritten by its content when the tag is kept.
[[nodiscard]] bool is_text_tag(std::uint16_t number);

/// A kept tag with a value of the kind it must have: under the number of a measurement a stranger may have
/// written text, or more than any measurement needs.
[[nodiscard]] bool is_kept_entry(SlideFormat format, const TiffEntry& entry);

/// A field of an Aperio description that may stay: its key is vouched for, and a number is one.
[[nodiscard]] bool is_kept_aperio_field(std::string_view key, std::string_view value);

/// A key of Hamamatsu's property map whose value may stay.
[[nodiscard]] bool is_kept_ndpi_property(std::string_view key);

/// `key` if it is a scanner's word of the two makers. Else `instead`: an unknown key is a stranger's text
/// itself, and goes with its value.
[[nodiscard]] std::string_view known_key(std::string_view key, std::string_view instead);

/// An item for each tag of each directory that is not kept, with its value where it is short text.
void add_identifying_tags(const Tiff& tiff, SlideFormat format,
                          std::vector<IdentifyingItem>& items);

/// An item for each picture that is neither level nor thumbnail.
void add_identifying_images(const std::vector<SlideImage>& images,
                            std::vector<IdentifyingItem>& items);

} // namespace fiona::wsi
