// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/dates.h"
#include "libfiona/base/mode.h"
#include "libfiona/routing/assign_report.h"
#include "libfiona/routing/coupling_import.h"
#include "libfiona/routing/permissions.h"

namespace fiona::routing {

/// With bad lines it has a problem.
[[nodiscard]] Report report_import(const CouplingImportReport& import, Mode mode);
/// Newest last; only what the person may see.
[[nodiscard]] Report report_coupling(const std::vector<CouplingRow>& rows,
                                     const std::optional<ProjectName>& project,
                                     const Permissions& permissions);
[[nodiscard]] Report report_expiry(const ExpiryReport& expiry, Mode mode);

} // namespace fiona::routing
