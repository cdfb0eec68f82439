// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/status/summary.h"

#include <string>

namespace fiona::status {

/// How the site stands, as HTML: what to do, numbers, plots of days and of time.
[[nodiscard]] std::string site_body(const Summary& summary);

} // namespace fiona::status
