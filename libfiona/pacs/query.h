// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/pacs/sender.h"

#include <map>
#include <string>
#include <vector>

namespace fiona::pacs {

enum class Level { patient, study, series, image };

/// Keyword of the dictionary -> value; "" asks for it (universal matching).
using Keys = std::map<std::string, std::string>;

/// C-FIND, Study Root. One map per pending answer, text in UTF-8. Throws Error:
/// Fault::unreachable, or Fault::protocol with the status if the last answer is no success.
[[nodiscard]] std::vector<Keys> find(const Peer& peer, Level level, const Keys& keys);

} // namespace fiona::pacs
