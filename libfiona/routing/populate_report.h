// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/json.h"
#include "libfiona/base/mode.h"
#include "libfiona/redcap/client.h"
#include "libfiona/routing/populate_incoming.h"

#include <string>
#include <vector>

namespace fiona::routing {

/// A run's result for programs. Studies are named by their tags: it may be mailed by cron.
[[nodiscard]] json::Value as_document(const PopulateReport& report, const redcap::Traffic& traffic,
                                      double seconds);
/// For people: conflicts and disabled rules, then one line of counts.
[[nodiscard]] std::vector<std::string>
as_lines(const PopulateReport& report, const redcap::Traffic& traffic, Mode mode, double seconds);

} // namespace fiona::routing
