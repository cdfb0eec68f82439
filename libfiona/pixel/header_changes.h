// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/pixel/frame_codec.h"

class DcmItem;

namespace fiona::pixel {

/// Removes every picture in a header that nobody looks at: overlays (60xx), curves (50xx), icons, other
/// pixel data inside sequences. True if there was something.
bool remove_other_pictures(DcmItem& data_set);

/// Whether an overlay lies in unused bits of the pixel data (retired, PS3.5 §8.1.2): they must
/// be cleared. To be asked before remove_other_pictures().
[[nodiscard]] bool has_embedded_overlay(DcmItem& data_set);
/// All bits outside of those stored become 0, or copies of the sign.
void clear_unused_bits(Frame& frame);

enum class PixelsWere { checked, masked };
/// (0028,0301) NO and code 113101 in (0012,0064), with (0012,0063) saying how; for masked ones also
/// ImageType value 1 DERIVED. Only when every frame was checked.
void declare_clean(DcmItem& data_set, PixelsWere pixels);

/// Makes the header describe pixels of `layout`.
void describe_pixels(DcmItem& data_set, const PixelLayout& layout);

} // namespace fiona::pixel
