// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/ids.h"
#include "libfiona/redcap/client.h"
#include "libfiona/redcap/projects.h"

#include <string>
#include <string_view>
#include <vector>

namespace fiona::routing {

/// Throws Error{Fault::data} with the reason, without the id, unless the whole of it matches the project's
/// pattern and it holds no national id. As redcap::check_participant_pattern(), and for patterns with back
/// references, which RE2 does not know, by PatternLanguage.
void check_participant(const ParticipantId& participant, std::string_view pattern);

/// What rules and lists may ask for, although no person looks at it: an active project of
/// DataTransferProjects and an id of its pattern. A pattern of a routing rule that is too wide would
/// otherwise send a real patient id as a pseudonym.
class RequestCheck {
public:
    explicit RequestCheck(redcap::Client& dtp) : m_projects{redcap::research_projects(dtp)} {}
    explicit RequestCheck(std::vector<redcap::ResearchProject> projects)
        : m_projects{std::move(projects)}
    {
    }

    /// Throws Error{Fault::data} with the reason, without the id.
    [[nodiscard]] const redcap::ResearchProject& check_project(const std::string& project) const;
    void check(const std::string& project, const std::string& participant) const;

private:
    std::vector<redcap::ResearchProject> m_projects;
};

} // namespace fiona::routing
