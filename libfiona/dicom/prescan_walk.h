// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/dicom/prescan_source.h"

#include <string>

namespace fiona::dicom {

/// How elements are written (PS3.5 §A).
enum class Coding { implicit_little, explicit_little, explicit_big };

/// Walks one data set to its end without recursion and fills in the UIDs, the place of the pixel
/// data and the depth. Throws Error{Fault::data}. Internal to the pre-scan.
void walk_data_set(ByteSource& source, Coding coding, const PrescanLimits& limits, Prescan& result);

/// The value of a UI element without its padding.
[[nodiscard]] std::string uid_text(std::span<const std::byte> value);

} // namespace fiona::dicom
