// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/wsi/strip_plan.h"

#include <vector>

/// The label in a picture of the whole glass. JPEG in JPEG out, by its coefficients: the rest of the
/// picture keeps every bit, and the file its size.
namespace fiona::wsi {

/// The part of the width that the label takes: `wanted`, or the format's own if it is 0.
[[nodiscard]] double label_fraction(SlideFormat format, double wanted);

/// The strips of the macro image with a white label, each as long as it was. In a limited child. Throws
/// Error{Fault::data} if the picture is no JPEG, or does not become smaller.
[[nodiscard]] std::vector<Patch> blanked_strips(const Slide& slide, std::size_t directory,
                                                double fraction);

/// Decodes the macro image of a copy, in a limited child. Throws Error{Fault::data} unless its label is white.
void check_blanked(const Slide& copy, double fraction);

} // namespace fiona::wsi
