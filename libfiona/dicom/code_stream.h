// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/dicom/byte_range.h"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string_view>

/// What stands in compressed frames beside the picture: comments, EXIF, XMP, thumbnails, profiles, bytes
/// behind the end. No decoder needs them, and nobody knows what a device or a person put there.
namespace fiona::dicom {

class Fragments;

/// How frames are coded, as far as text in them can be told from the picture.
enum class FrameCoding {
    native,       ///< not encapsulated
    encapsulated, ///< samples as they are, a fragment for each frame
    deflated,     ///< a deflate stream for each frame
    rle,
    jpeg,    ///< ITU-T T.81, every process
    jpeg_ls, ///< ITU-T T.87
    jpeg_2000,
    unknown,
};

/// By transfer syntax, PS3.5 §10 and Annex A.
[[nodiscard]] FrameCoding frame_coding_of(std::string_view transfer_syntax);

/// How many bytes of the value of a JPEG application segment (FFE0 to FFEF) decoders use: the words of JFIF
/// without the thumbnail, Adobe's colour transform, HP's in JPEG-LS. `value`: at least its first
/// `longest_kept` bytes, or all.
[[nodiscard]] std::size_t kept_of_application_segment(std::uint8_t marker, std::string_view value);
constexpr std::size_t longest_kept = 12;

/// Segments of ITU-T T.800, T.801 and T.814 that say how to decode. Others are skipped by decoders, and may
/// hold anything.
[[nodiscard]] bool is_needed_in_jpeg_2000(std::uint16_t marker);

/// What the header says of one frame without compression.
struct FrameSize {
    std::uint64_t bytes = 0;  ///< 0: it does not say
    std::uint64_t planes = 1; ///< bytes of one pixel: the segments of an RLE frame (PS3.5 §G.2)
};

struct WalkedFrames {
    std::uint64_t count = 0;
    /// By more than padding in the same fragment: perhaps by another frame.
    bool are_followed = false;
};

/// Walks all frames and tells `fragments`' sink of every byte that is neither zero nor needed to decode
/// them. JPEG: in comments and application segments, and behind EOI. JPEG 2000: in comments and other
/// segments without use, behind EOC, and in boxes of a file around it that are not for the decoder. RLE: in
/// unused words of the header, before the first segment, and in each behind the last sample of its plane. A
/// deflated frame that has more than `size` is refused, what an encapsulated one has more is told. What stands
/// inside of entropy-coded data is taken for picture. Throws Error{Fault::data} if a stream cannot be walked.
[[nodiscard]] WalkedFrames walk_frames(Fragments& fragments, FrameCoding coding,
                                       const FrameSize& size);

/// The same for one frame in memory; offsets from its first byte.
void find_remarks(std::span<const std::byte> frame, FrameCoding coding, const FrameSize& size,
                  const RangeSink& sink);

} // namespace fiona::dicom
