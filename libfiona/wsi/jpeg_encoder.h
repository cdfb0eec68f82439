// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/wsi/jpeg_stream.h"

#include <cstdint>
#include <vector>

namespace fiona::wsi {

/// Quality of what cannot be passed through, on libjpeg's scale of 1 to 100.
inline constexpr int jpeg_quality = 90;

struct JpegShape {
    std::uint32_t width = 0;  ///< pixels, at most 65500
    std::uint32_t height = 0; ///< pixels
    JpegColour colour = JpegColour::ycc;
    /// Three, or none: 4:2:2, which is what DICOM's YBR_FULL_422 says.
    std::vector<JpegComponent> components{};
};

/// One baseline JPEG of `rgb`, three bytes for each pixel, without any metadata.
[[nodiscard]] ByteBuffer encode_jpeg(ByteSpan rgb, const JpegShape& shape);
/// The same of a tile that is white all over.
[[nodiscard]] ByteBuffer white_jpeg(const JpegShape& shape);

} // namespace fiona::wsi
