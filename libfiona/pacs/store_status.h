// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/pacs/sender.h"

#include <cstdint>
#include <string>

namespace fiona::pacs {

/// What the status of a C-STORE means for the object (PS3.4 table B.2-1).
[[nodiscard]] SendOutcome outcome_of(std::uint16_t status);
/// For people, in our words and with its number (PS3.4 table B.2-1, PS3.7 annex C).
[[nodiscard]] std::string meaning(std::uint16_t status);

} // namespace fiona::pacs
