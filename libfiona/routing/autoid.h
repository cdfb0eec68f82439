// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/config.h"
#include "libfiona/base/dates.h"
#include "libfiona/base/ids.h"
#include "libfiona/base/mode.h"
#include "libfiona/redcap/client.h"
#include "libfiona/routing/assign.h"

#include <cstddef>
#include <string>
#include <vector>

namespace fiona::routing {

/// The REDCap projects that automatic ids touch. All are borrowed.
struct AutoIdProjects {
    redcap::Client& dtp;
    redcap::Client& incoming;
    redcap::Client& autoid;
    OpenProject open; ///< for the participants of the research projects
};

struct AutoIdReport {
    struct Given {
        StudyUid study;
        ProjectName project;
    };
    struct Refused {
        StudyUid study;
        ProjectName project;
        std::string reason; ///< no identifier in it
    };
    struct Problem {
        ProjectName project;
        std::string reason;
    };
    std::size_t projects = 0;         ///< that make ids by themselves
    std::size_t pending = 0;          ///< studies sent to them that nobody has requested
    std::size_t taken_back = 0;       ///< requested before, and no more: left to a person
    std::vector<Given> given;         ///< now requested; with Mode::dry_run: would be
    std::size_t new_participants = 0; ///< of them, patients that got a new id
    std::vector<Refused> refused;
    std::vector<Problem> exhausted; ///< all ids of the pattern are used: `reason` says how many
    std::vector<Problem> disabled;  ///< something must be mended in DataTransferProjects
};

/// Gives ids to studies that were sent to the AE title of a project with automatic ids and requests
/// them: a patient that AUTOID knows keeps its id, another one gets one of those that neither AUTOID nor the
/// project's REDCap nor a request of INCOMING has used, all with the same probability. The row of AUTOID is
/// written and read back before the study is requested: killed in between, the next run finds it. A study that
/// this site has requested for the project before, and INCOMING does not know of, was taken back: it is left alone.
///
/// Throws what redcap::Client throws, and Error{Fault::config} if the key is lost or another one.
[[nodiscard]] AutoIdReport populate_autoid(const AutoIdProjects& projects, const Config& config,
                                           TimePoint now, Mode mode);

} // namespace fiona::routing
