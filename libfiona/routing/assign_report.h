// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/dates.h"
#include "libfiona/base/error.h"
#include "libfiona/base/json.h"
#include "libfiona/base/mode.h"
#include "libfiona/routing/assign.h"
#include "libfiona/routing/permissions.h"
#include "libfiona/routing/studies.h"

#include <optional>
#include <string>
#include <vector>

namespace fiona::routing {

/// What a command says: a document for programs, rows of cells for people (the first row a heading
/// where there is one).
struct Report {
    json::Value document;
    std::vector<std::vector<std::string>> rows;
    std::optional<Error> problem{}; ///< thrown when the report has been given
};

struct TransferQuery {
    enum class Which { all, errors } which = Which::all;
    enum class Heading { yes, no } heading = Heading::yes;
    std::optional<ProjectName> project;
};

[[nodiscard]] Report report_studies(const std::vector<Study>& studies, TimePoint now);
/// Active projects that the person may use: pattern, token there or not, automatic ids, end of the approval.
[[nodiscard]] Report report_projects(redcap::Client& dtp, const Permissions& permissions = {});
[[nodiscard]] Report report_events(redcap::Client& project);
/// `like`: only ids that hold this text, without case; "" for all.
[[nodiscard]] Report report_participants(redcap::Client& project, const std::string& like);
/// One row per request; the first column is the study UID.
[[nodiscard]] Report report_transfers(const std::vector<redcap::Transfer>& transfers,
                                      const TransferQuery& query);
[[nodiscard]] Report report_cancelled(const redcap::Transfer& transfer, Mode mode);
[[nodiscard]] Report report_assignment(const AssignOutcome& outcome, Mode mode);

/// For `cut` and `while read`: cells joined by tabs; tabs and control characters inside become `?`.
[[nodiscard]] std::vector<std::string>
tab_separated(const std::vector<std::vector<std::string>>& rows);

} // namespace fiona::routing
