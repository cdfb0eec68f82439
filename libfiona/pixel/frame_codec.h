// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/pixel/description.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace fiona::pixel {

using Bytes = std::vector<std::uint8_t>;

/// The samples of one frame as `layout` says.
struct Frame {
    PixelLayout layout;
    Bytes samples;
};

enum class Compression { native, rle, jpeg_lossless, jpeg_lossy, jpeg_ls, jpeg_2000, unknown };
/// By the UID of the transfer syntax.
[[nodiscard]] Compression compression_of(std::string_view transfer_syntax);

/// Registers DCMTK's codecs for this process: no UID is made anew, colour becomes RGB by pixel,
/// lossless encoders keep every bit. Making another one is harmless.
class Codecs {
public:
    Codecs();
};

/// One compressed frame to samples. Colour that was stored as YBR may come out as RGB: the result
/// says so. Throws Error{Fault::data} if the stream is broken or is not what `layout` promises.
/// Only in a limited child: the bytes are a stranger's.
[[nodiscard]] Frame decode_frame(const std::vector<Bytes>& fragments, const PixelLayout& layout,
                                 const std::string& transfer_syntax);
/// The same for JPEG 2000, by OpenJPEG.
[[nodiscard]] Frame decode_jpeg_2000(const Bytes& bytes, const PixelLayout& layout);

/// Samples to the fragments of one frame, without loss. Throws Error{Fault::data} if DCMTK has no
/// codec for that.
[[nodiscard]] std::vector<Bytes> encode_frame(const Frame& frame,
                                              const std::string& transfer_syntax);

/// The syntax in which changed frames of `transfer_syntax` are written: the same if it is native or
/// DCMTK encodes it without loss; the lossless sister of a lossy JPEG or JPEG-LS; else Explicit VR
/// Little Endian.
[[nodiscard]] std::string lossless_syntax(std::string_view transfer_syntax);

} // namespace fiona::pixel
