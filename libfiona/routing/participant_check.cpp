// SPDX-License-Identifier: MIT
#include "libfiona/routing/participant_check.h"

#include "libfiona/base/error.h"
#include "libfiona/base/national_id.h"
#include "libfiona/base/text.h"
#include "libfiona/routing/pattern_language.h"

#include <re2/re2.h>

#include <algorithm>

namespace fiona::routing {

void check_participant(const ParticipantId& participant, std::string_view pattern)
{
    const auto text = trimmed(pattern);
    RE2::Options options;
    options.set_log_errors(false);
    if (text.empty() || RE2{re2::StringPiece{text.data(), text.size()}, options}.ok()) {
        redcap::check_participant_pattern(participant, text);
        return;
    }
    if (contains_norwegian_id(participant.str())) {
        throw Error{Fault::data, "the participant id holds a national identity number"};
    }
    if (!PatternLanguage{text}.contains(participant.str())) {
        throw Error{Fault::data, "the participant id does not match the project's pattern {}",
                    text};
    }
}

const redcap::ResearchProject& RequestCheck::check_project(const std::string& project) const
{
    const auto found = std::ranges::find_if(m_projects, [&](const redcap::ResearchProject& known) {
        return known.name.str() == project;
    });
    if (found == m_projects.end()) {
        throw Error{Fault::data, "DataTransferProjects has no such project"};
    }
    if (!found->active) {
        throw Error{Fault::data, "the project is not active"};
    }
    return *found;
}

void RequestCheck::check(const std::string& project, const std::string& participant) const
{
    check_participant(ParticipantId{participant}, check_project(project).participant_pattern);
}

} // namespace fiona::routing
