// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/redcap/client.h"
#include "libfiona/redcap/incoming.h"
#include "libfiona/routing/participant_rows.h"

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace fiona::routing {

/// What a research project's REDCap lacks of some transfers. One reading of the project, no writing.
class ProjectGap {
public:
    /// Reads the project: dictionary, events, participants, and the instances of `imaging` if it repeats.
    explicit ProjectGap(redcap::Client& project);

    /// Plans the rows of one transfer. Throws Error{Fault::data} if its event is none of the project, or
    /// the participant is there in another spelling.
    void add(const redcap::Transfer& transfer);

    [[nodiscard]] const std::vector<redcap::Row>& participants() const { return m_participants; }
    /// Numbered after the highest instance of `imaging` of the participant.
    [[nodiscard]] const std::vector<redcap::Row>& images() const { return m_images; }

private:
    void note(const redcap::Row& instance);

    std::string m_form; ///< the repeating instrument; "" if the project has none
    std::map<std::string, unsigned> m_highest;               ///< instance, by participant
    std::set<std::pair<std::string, std::string>> m_studies; ///< participant, study UID
    ParticipantRows m_known;
    std::string m_event; ///< where the form repeats
    std::vector<redcap::Row> m_participants, m_images;
};

} // namespace fiona::routing
