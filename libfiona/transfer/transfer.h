// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/config.h"
#include "libfiona/pacs/sender.h"
#include "libfiona/redcap/projects.h"
#include "libfiona/store/requests.h"
#include "libfiona/transfer/committer.h"
#include "libfiona/transfer/outcome.h"
#include "libfiona/transfer/workspace.h"

#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace fiona::transfer {

/// Sending failed in a way that may pass, or the request is not at fault: it is tried again.
struct Postponed {
    std::string reason;
};

struct Means {
    const Config& config;
    const Workspace& workspace;
    const std::vector<redcap::ResearchProject>& projects; ///< all of DataTransferProjects
    pacs::Peer peer;
    Committer& committer;
};

/// So often the PACS may fail to take all images, 10 s to 300 s apart, before a person is told.
constexpr unsigned max_failures = 8;

/// Prepares the study of one claimed request and sends it. Nothing is reported, and the request stays
/// where it is.
/// Throws Error for what is wrong around the request: disk, profile, keys, connection.
[[nodiscard]] std::variant<Outcome, Postponed>
carry_out(const Means& means, const store::TransferRequest& request, TimePoint now);

/// nullptr if DataTransferProjects has no such project.
[[nodiscard]] const redcap::ResearchProject*
find_project(const std::vector<redcap::ResearchProject>& projects, const ProjectName& name);

} // namespace fiona::transfer
