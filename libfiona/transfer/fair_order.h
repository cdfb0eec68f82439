// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/config.h"

#include <string>
#include <vector>

namespace fiona::transfer {

/// Requests of transfer_requests/, oldest first, put into the order in which they are worked on: one
/// of each project in turn, so that a project that asks for a thousand studies keeps no other waiting.
/// Within a project the oldest first. What cannot be read counts as a project of its own.
[[nodiscard]] std::vector<std::string> fair_order(const Paths& paths,
                                                  std::vector<std::string> oldest_first);

} // namespace fiona::transfer
