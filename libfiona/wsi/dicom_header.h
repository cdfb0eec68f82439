// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/wsi/dicom_slide.h"
#include "libfiona/wsi/level_frames.h"

#include <cstdint>
#include <string>

namespace fiona::wsi {

/// One level as its header has to tell of it.
struct LevelHeader {
    SlideImage image;
    std::size_t level = 0; ///< 0 is the largest
    FrameCoding coding;
    std::uint64_t frames = 0;
    double compression_ratio = 1.0; ///< of the samples to the frames
    double mpp_x = 0.0;             ///< micrometres per pixel of this level
    double mpp_y = 0.0;
};

/// A VL Whole Slide Microscopy Image (PS3.3 A.32.8) from its preamble to the last element before the
/// pixel data, in Explicit VR Little Endian. Its length does not depend on the compression ratio.
/// `icc_profile`: of an input device. Throws Error{Fault::data} for a value DICOM cannot hold.
[[nodiscard]] std::string dicom_header(const SlideFacts& facts, const SlideHeader& header,
                                       const LevelHeader& level, const std::string& icc_profile);

/// A term in brackets, a name outside: "Kidney [64033007]", "[12710003] 06 HE".
struct CodedName {
    std::string code; ///< SNOMED CT; "" if there is none
    std::string name;
};
[[nodiscard]] CodedName coded_name(const std::string& text);

} // namespace fiona::wsi
