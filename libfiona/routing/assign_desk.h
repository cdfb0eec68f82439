// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/routing/assign.h"
#include "libfiona/routing/assign_report.h"
#include "libfiona/routing/coupling_import.h"
#include "libfiona/routing/permissions.h"
#include "libfiona/routing/redcaps.h"
#include "libfiona/routing/studies.h"

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace fiona::routing {

/// The commands of fiona-assign on a real REDCap. Connections are made when a command needs them. Those
/// that name a project throw Error{Fault::permission} if the person may not use it; lists leave it out.
class AssignDesk {
public:
    /// `config` is borrowed and outlives this object.
    explicit AssignDesk(const Config& config)
        : m_config{config}, m_permissions{Permissions::load(config.paths.config()
                                                            / "assign-groups.json")},
          m_redcaps{config.redcap, Mode::apply, redcap::Freshness::usual}
    {
    }

    [[nodiscard]] Report studies(const StudyQuery& query, TimePoint now);
    [[nodiscard]] Report projects();
    [[nodiscard]] Report events(const ProjectName& project);
    [[nodiscard]] Report participants(const ProjectName& project, const std::string& like);
    [[nodiscard]] Report check_id(const ProjectName& project, const ParticipantId& participant);
    Report add_participant(const ProjectName& project, const ParticipantId& participant,
                           const std::string& event, Mode mode, TimePoint now);
    Report assign(const Assignment& wanted, Mode mode, TimePoint now);
    Report cancel(const StudyUid& study, const ProjectName& project,
                  const std::optional<ParticipantId>& participant, Mode mode, TimePoint now);
    Report import_coupling(const std::filesystem::path& file,
                           const std::optional<ProjectName>& project, const CouplingImport& options,
                           Mode mode, TimePoint now);
    [[nodiscard]] Report coupling(const std::optional<ProjectName>& project);
    Report expire_coupling(std::chrono::seconds age, Mode mode, TimePoint now);
    /// All studies if `studies` is empty.
    [[nodiscard]] Report status(const std::vector<StudyUid>& studies, const TransferQuery& query);

    /// By UID, or by accession number if `uid` is empty. Throws Error{Fault::usage} unless exactly one
    /// is given.
    [[nodiscard]] StudyUid study(const std::string& uid, const std::string& accession) const;

private:
    [[nodiscard]] redcap::Client& incoming();
    [[nodiscard]] redcap::Client& dtp();
    [[nodiscard]] redcap::Client& coupling_list();
    [[nodiscard]] Assigner assigner();

    const Config& m_config;
    Permissions m_permissions;
    Redcaps m_redcaps;
};

} // namespace fiona::routing
