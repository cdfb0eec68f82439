// SPDX-License-Identifier: MIT
#pragma once

#include <string>

namespace fiona::anonymize {

/// The profile (ICC.1:2022) in the same length, without what may name a device, a person or a day: texts
/// blanked, the date, device and creator fields of its header emptied, every tag but those that hold
/// colorimetry overwritten. "" or unreadable bytes come back as zeros of their length.
[[nodiscard]] std::string cleaned_icc_profile(std::string profile);

} // namespace fiona::anonymize
