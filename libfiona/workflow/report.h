// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/json.h"
#include "libfiona/workflow/run_jobs.h"
#include "libfiona/workflow/selection.h"

#include <string>
#include <vector>

/// What fiona-run-one-job(1) says of a run.
namespace fiona::workflow {

[[nodiscard]] json::Value as_document(const RunReport& report);
[[nodiscard]] std::vector<std::string> as_lines(const RunReport& report);
[[nodiscard]] json::Value as_document(const Selection& selection);
[[nodiscard]] std::vector<std::string> as_lines(const Selection& selection);

} // namespace fiona::workflow
