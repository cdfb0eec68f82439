// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/dicom/charset.h"

#include <string>
#include <vector>

class DcmElement;

namespace fiona::dicom {

struct ElementValues {
    std::vector<std::string> values;
    bool guessed = false; ///< see Charset::Text
};

/// The values of one element as UTF-8 text, by the rules of Header::values().
[[nodiscard]] ElementValues element_values(DcmElement& element, const Charset& charset);
/// The bytes of an element with a character VR, as they are; "" for others.
[[nodiscard]] std::string raw_string(DcmElement& element);
/// Python's repr() of a float: shortest form that reads back equal, never without a point or `e`.
[[nodiscard]] std::string python_float(double value);

} // namespace fiona::dicom
