// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/wsi/jpeg_stream.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

/// JPEG 2000 code streams (ITU-T T.800 annex A), as far as passing tiles through needs it.
namespace fiona::wsi {

struct Jpeg2000Facts {
    std::uint32_t width = 0; ///< of the picture on the reference grid
    std::uint32_t height = 0;
    std::size_t components = 0;
    bool has_8_bits = false;        ///< all components, unsigned
    bool has_equal_sampling = true; ///< one sample of each component for each pixel
    bool has_own_styles = false;    ///< COC: components coded each in its own way
    bool all_reversible = true;     ///< 5-3 wavelet wherever a COD speaks
    bool all_irreversible = true;   ///< 9-7 wavelet
    bool all_transformed = true;    ///< the multiple component transformation is used
    bool none_transformed = true;
    std::vector<std::size_t> transform_bytes; ///< where each COD names that transformation
    std::vector<JpegSegment> comments;        ///< COM, and segments no decoder needs
    std::size_t end = 0;                      ///< behind EOC
};

/// Main header and the headers of all tile-parts. Throws Error{Fault::data} if it is damaged.
[[nodiscard]] Jpeg2000Facts read_jpeg2000(ByteSpan stream);

/// How a level of JPEG 2000 tiles is named in DICOM.
struct Jpeg2000Coding {
    std::string transfer_syntax;
    std::string photometric;
    bool is_lossless = false;
    friend bool operator==(const Jpeg2000Coding&, const Jpeg2000Coding&) = default;
};

enum class TileColour { rgb, ycc };

/// Tiles to frames: comments blanked; of YCbCr made outside the code stream the COD's component
/// transformation is switched on, which is the same arithmetic inside of it (T.800 annex G.3).
class Jpeg2000Tiles {
public:
    Jpeg2000Tiles(TileColour colour, std::uint32_t width, std::uint32_t height);

    /// A whole frame; it lives until the next call. Nothing if it is sound but cannot be passed
    /// through, or is coded otherwise than the first. Throws Error{Fault::data} if it is damaged.
    [[nodiscard]] std::optional<ByteSpan> frame(ByteSpan tile);
    [[nodiscard]] const std::string& why_not() const { return m_why_not; }
    /// Of the frames so far, at least one.
    [[nodiscard]] const Jpeg2000Coding& coding() const { return *m_coding; }

private:
    TileColour m_colour;
    std::uint32_t m_width;
    std::uint32_t m_height;
    std::optional<Jpeg2000Coding> m_coding;
    ByteBuffer m_frame;
    std::string m_why_not;
};

} // namespace fiona::wsi
