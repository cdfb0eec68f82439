// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/config.h"
#include "libfiona/base/json.h"

#include <string>
#include <vector>

namespace fiona::site {

/// What the tools will use: every path and value after defaults, ROOT and PATHS. Made from the fields
/// we know, so that a secret somebody put into config.json is never shown; user names and passwords
/// in an address are cut out.
[[nodiscard]] json::Value effective_config(const Config& config);
/// The same as `KEY.KEY = value` lines.
[[nodiscard]] std::vector<std::string> as_lines(const json::Value& document);

} // namespace fiona::site
