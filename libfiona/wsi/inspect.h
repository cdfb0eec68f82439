// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/json.h"
#include "libfiona/wsi/slide.h"

#include <cstdint>
#include <string>
#include <vector>

namespace fiona::wsi {

/// What a slide is, for people and programs: format, levels, other pictures, measures, and which items in
/// it identify, by name and place, never by value.
[[nodiscard]] json::Value inspected(const Slide& slide);
/// The same in lines of text.
[[nodiscard]] std::vector<std::string> inspected_lines(const Slide& slide);

/// A PNG file of the tissue, at most `most_pixels` wide and high (16 to 4096), made of a level, never of
/// label or macro image; decoded in limited children. Throws Error{Fault::data} if no level can be
/// decoded, Fault::usage for another size.
[[nodiscard]] std::string thumbnail(const Slide& slide, std::uint32_t most_pixels);

} // namespace fiona::wsi
