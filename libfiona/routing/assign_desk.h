// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/routing/assign.h"
#include "libfiona/routing/assign_report.h"
#include "libfiona/routing/studies.h"

#include <memory>
#include <string>
#include <vector>

namespace fiona::routing {

/// The commands of fiona-assign on a real REDCap. Connections are made when a command needs them.
class AssignDesk {
public:
    /// `config` is borrowed and outlives this object.
    explicit AssignDesk(const Config& config) : m_config{config} {}

    [[nodiscard]] Report studies(const StudyQuery& query, TimePoint now);
    [[nodiscard]] Report projects();
    [[nodiscard]] Report events(const ProjectName& project);
    [[nodiscard]] Report participants(const ProjectName& project, const std::string& like);
    [[nodiscard]] Report check_id(const ProjectName& project, const ParticipantId& participant);
    Report add_participant(const ProjectName& project, const ParticipantId& participant,
                           const std::string& event, Mode mode, TimePoint now);
    Report assign(const Assignment& wanted, Mode mode, TimePoint now);
    /// All studies if `studies` is empty.
    [[nodiscard]] Report status(const std::vector<StudyUid>& studies, const TransferQuery& query);

    /// By UID, or by accession number if `uid` is empty. Throws Error{Fault::usage} unless exactly one
    /// is given.
    [[nodiscard]] StudyUid study(const std::string& uid, const std::string& accession) const;

private:
    [[nodiscard]] redcap::Client& incoming();
    [[nodiscard]] redcap::Client& dtp();
    [[nodiscard]] Assigner assigner();

    const Config& m_config;
    std::unique_ptr<redcap::Client> m_incoming;
    std::unique_ptr<redcap::Client> m_dtp;
};

} // namespace fiona::routing
