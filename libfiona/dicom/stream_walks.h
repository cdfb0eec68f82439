// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/error.h"
#include "libfiona/dicom/code_stream.h"

#include <cstdint>
#include <string_view>

/// The streams that walk_frames() tells apart. Internal to it.
namespace fiona::dicom {

/// One JPEG or JPEG-LS stream, ITU-T T.81 Annex B and T.87 Annex C.
void walk_jpeg(Fragments& fragments, FrameCoding coding);
/// One JPEG 2000 code stream, ITU-T T.800 Annex A; HTJ2K (T.814) is one, too.
void walk_jpeg_2000(Fragments& fragments);
/// A JPEG 2000 file around one, whose first two bytes are passed (ITU-T T.800 Annex I), up to the stream.
void pass_jp2_boxes(Fragments& fragments);

/// Fault::data.
[[nodiscard]] Error damaged(std::string_view what);
/// Whether the next byte is the first of its fragment and these two follow. Passes nothing.
[[nodiscard]] bool begins_with(Fragments& fragments, std::uint8_t first, std::uint8_t second);

} // namespace fiona::dicom
