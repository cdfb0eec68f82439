// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/anonymize/charset.h"
#include "libfiona/anonymize/data_set.h"

namespace fiona::anonymize {

/// Brings all new texts of a tree into its character sets. If one does not fit, or some text is
/// not what was declared, the whole data set becomes UTF-8 (ISO_IR 192).
enum class Declared { truthful, lying };
void encode_texts(Item& root, Declared declared);

/// The character set of an item: its own (0008,0005), else what is around it.
[[nodiscard]] std::string_view declared_charset(const Item& item, std::string_view around);

} // namespace fiona::anonymize
