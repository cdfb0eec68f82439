// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/status/summary.h"

#include <string>

namespace fiona::status {

/// The summary in Prometheus' text format 0.0.4, for the textfile collector of node_exporter. Names are stable:
/// `fiona_...`; a name and its labels stand once, below their HELP and TYPE. What was not asked, and what could
/// not be looked at, is left out.
[[nodiscard]] std::string as_prometheus(const Summary& summary);

} // namespace fiona::status
