// SPDX-License-Identifier: MIT
#pragma once

#include <string>

namespace fiona::wsi {

/// The profile DICOM's optical path asks for (PS3.3 C.11.15): the slide's own, as Slide::icc_profile()
/// cleaned it, if it is one of an input device for RGB; else sRGB.
[[nodiscard]] std::string input_profile(const std::string& of_slide);

/// sRGB (IEC 61966-2-1) as the profile of an input device, ICC.1:2010 (version 4.2).
[[nodiscard]] std::string srgb_input_profile();

} // namespace fiona::wsi
