// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/json.h"
#include "libfiona/dicom/header.h"

#include <string_view>

namespace fiona::classify {

constexpr std::string_view b_values_key = "DiffusionBValues";
constexpr std::string_view diffusion_key = "diffusionInformation";
constexpr std::string_view siemens_diffusion_key = "siemensDiffusionInformation";

/// The keys of the series JSON that say how one image was weighted by diffusion, of any vendor:
/// `DiffusionBValues` and, unless it is a Siemens image (siemens_fields() has given those in
/// `fields`), `diffusionInformation`. Standard attributes first, those of the functional groups
/// included, then the private ones of GE, Philips and United Imaging. Nothing for an image without
/// diffusion weighting whose scanner writes a b-value of 0 into everything.
[[nodiscard]] json::Object diffusion_fields(const dicom::Header& image, const json::Object& fields);

} // namespace fiona::classify
