// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/anonymize/data_set.h"

/// Coded entries (PS3.3 §8) and content items (PS3.3 §C.17.3): what in them identifies.
namespace fiona::anonymize {

/// Whether `element` of the coded entry `item` was typed by somebody. What a site writes into its own codes
/// is free text: their meanings, and values that are words. Numbers and signs stay, they are what its
/// statistics go by.
[[nodiscard]] bool is_typed_code(const Item& item, const Element& element);

/// Whether the content item's own concept is an identifier, such as an accession number or a person's name.
/// A container stays: its items are looked at one by one.
[[nodiscard]] bool is_identifying_content(const Item& item);

} // namespace fiona::anonymize
