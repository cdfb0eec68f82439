// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/site/check.h"

#include <vector>

namespace fiona::cli {

/// For site::check_site(): what only single tools read, each part by the reader of its tool.
[[nodiscard]] std::vector<site::ConfigReader> config_readers();

} // namespace fiona::cli
