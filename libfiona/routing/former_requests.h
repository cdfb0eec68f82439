// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/config.h"
#include "libfiona/base/ids.h"

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace fiona::routing {

/// What this site knows of requests that INCOMING may have no more: those that were sent, given up, set aside or
/// are being taken back (store/requests.h). Somebody who deletes an instance of `transfers`, because a participant
/// takes consent back, does not want it asked for again by a machine.
class FormerRequests {
public:
    /// Lists the directories.
    explicit FormerRequests(const Paths& paths);

    [[nodiscard]] bool has(const StudyUid& study, const ProjectName& project) const;

private:
    std::vector<std::pair<std::string, std::filesystem::path>> m_files; ///< by name
};

} // namespace fiona::routing
