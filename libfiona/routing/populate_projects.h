// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/config.h"
#include "libfiona/base/dates.h"
#include "libfiona/base/ids.h"
#include "libfiona/base/mode.h"
#include "libfiona/redcap/client.h"
#include "libfiona/routing/assign.h"

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace fiona::routing {

/// The REDCap projects that are used; borrowed.
struct ProjectRedcaps {
    redcap::Client& dtp;
    redcap::Client& incoming;
    OpenProject open; ///< for the research projects
};

struct ProjectsReport {
    struct Problem {
        ProjectName project;
        std::string reason; ///< no participant in it
        bool is_data;       ///< a row must be mended; else the project could not be reached or read
    };
    std::size_t projects = 0;  ///< active, with something transferred
    std::size_t unchanged = 0; ///< of them, nothing new since the last run: not even looked at
    std::size_t transfers = 0; ///< that were done without error
    std::size_t participants_created = 0; ///< in an event; with Mode::dry_run: would be
    std::size_t images_created = 0;       ///< instances of `imaging`
    std::vector<Problem> problems;
    unsigned calls = 0; ///< to the projects' own REDCaps
};

/// Tells each active project's REDCap what was transferred to it: the participant exists in the event, and
/// the repeating instrument `imaging`, where the project has it, has one instance for each study of the
/// research PACS. Transfers that wait or failed are left out. img_study_description stays empty: what
/// INCOMING has is free text of a clinical header.
///
/// `only`: this project alone, whether or not anything is new. A project that fails is reported, the others
/// are done. `<state>/populate-projects.json` remembers what was told; without it, and once a day, the project's
/// REDCap is compared again.
[[nodiscard]] ProjectsReport populate_projects(const ProjectRedcaps& redcaps, const Config& config,
                                               TimePoint now, Mode mode,
                                               const std::optional<ProjectName>& only);

} // namespace fiona::routing
