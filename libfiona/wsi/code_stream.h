// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/wsi/byte_ranges.h"

#include <span>
#include <string_view>
#include <vector>

/// The segments of a tile's own header that say nothing about its pixels: comments, EXIF, XMP, IPTC,
/// thumbnails, profiles. No decoder needs them, and nobody knows what a scanner put there.
namespace fiona::wsi {

/// In what is at least the whole header of a JPEG stream (ITU-T T.81 Annex B), complete or without its
/// tables: the bytes of comments and application segments, lengths left out, but JFIF's and Adobe's own.
/// Of tables also what follows their end. Throws Error{Fault::data} if it ends before its header does.
[[nodiscard]] std::vector<ByteRange> jpeg_comments(std::string_view stream);

/// The same of a whole JPEG 2000 code stream (ISO/IEC 15444-1 Annex A), of its main header and of every
/// tile-part: comments, but those in which well-known encoders name themselves, segments no decoder
/// needs, and what follows its end.
[[nodiscard]] std::vector<ByteRange> jpeg_2000_comments(std::string_view stream);

} // namespace fiona::wsi
