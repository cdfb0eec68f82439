// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/json.h"
#include "libfiona/dicom/header.h"

namespace fiona::classify {

/// The keys of the series JSON that an enhanced multi-frame object has in its Shared or, if they
/// vary, in its Per-frame Functional Groups Sequence (then the first frame's value counts). Empty
/// for other images.
[[nodiscard]] json::Object functional_group_fields(const dicom::Header& image);

} // namespace fiona::classify
