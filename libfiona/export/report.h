// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/json.h"
#include "libfiona/export/export_list.h"
#include "libfiona/export/runner.h"

#include <string>
#include <vector>

/// What fiona-create-zip(1) says. Studies are named by their tags, participants not at all.
namespace fiona::exports {

[[nodiscard]] json::Value as_document(const RunReport& report);
/// One row for each job.
[[nodiscard]] std::vector<std::vector<std::string>> as_rows(const RunReport& report);

/// Those that wait, and those given up.
[[nodiscard]] json::Value as_document(const ExportList::Listing& listing);
[[nodiscard]] std::vector<std::vector<std::string>> as_rows(const ExportList::Listing& listing);

} // namespace fiona::exports
