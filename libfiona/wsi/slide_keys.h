// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/json.h"
#include "libfiona/wsi/slide.h"
#include "libfiona/wsi/slide_identity.h"

namespace fiona::wsi {

/// What the scanner says of a slide, as keys for the upload's JSON and the project's REDCap (texts, as all
/// of them): a serial number only as pseudonym, the scan date moved. Absent where the slide says nothing.
[[nodiscard]] json::Object scanner_keys(const Slide& slide, const SlideIdentity& identity);

} // namespace fiona::wsi
