// SPDX-License-Identifier: MIT
#include "libfiona/routing/assign_desk.h"

#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/routing/coupling_report.h"
#include "libfiona/store/clock_guard.h"

namespace fiona::routing {

redcap::Client& AssignDesk::incoming()
{
    return m_redcaps.at(redcap::Role::incoming);
}

redcap::Client& AssignDesk::dtp()
{
    return m_redcaps.at(redcap::Role::dtp);
}

redcap::Client& AssignDesk::coupling_list()
{
    return m_redcaps.at(redcap::Role::coupling);
}

Assigner AssignDesk::assigner()
{
    return {m_config.paths, incoming(), dtp(), m_redcaps.projects()};
}

Report AssignDesk::studies(const StudyQuery& query, TimePoint now)
{
    redcap::Incoming records{incoming(), m_config.paths.state() / "locks"};
    return report_studies(find_studies(m_config.paths, records, query), now);
}

Report AssignDesk::projects()
{
    return report_projects(dtp(), m_permissions);
}

Report AssignDesk::events(const ProjectName& project)
{
    m_permissions.check(project);
    return report_events(*assigner().open(project));
}

Report AssignDesk::participants(const ProjectName& project, const std::string& like)
{
    m_permissions.check(project);
    return report_participants(*assigner().open(project), like);
}

Report AssignDesk::check_id(const ProjectName& project, const ParticipantId& participant)
{
    m_permissions.check(project);
    assigner().check_new_id(project, participant);
    return {json::Object{{"project", project.str()}, {"ok", true}},
            {{"ok: this id may be added to " + project.str()}}};
}

Report AssignDesk::add_participant(const ProjectName& project, const ParticipantId& participant,
                                   const std::string& event, Mode mode, TimePoint now)
{
    m_permissions.check(project);
    assigner().add_participant(project, participant, event, mode, now);
    const bool is_dry_run = mode == Mode::dry_run;
    return {json::Object{{"project", project.str()},
                         {"participant", participant.str()},
                         {"created", true},
                         {"dry_run", is_dry_run}},
            {{fmt::format("participant {} {}created in {}", participant,
                          is_dry_run ? "would be " : "", project)}}};
}

Report AssignDesk::assign(const Assignment& wanted, Mode mode, TimePoint now)
{
    m_permissions.check(wanted.project);
    return report_assignment(assigner().assign(wanted, mode, now), mode);
}

Report AssignDesk::cancel(const StudyUid& study, const ProjectName& project,
                          const std::optional<ParticipantId>& participant, Mode mode, TimePoint now)
{
    m_permissions.check(project);
    return report_cancelled(assigner().cancel(study, project, participant, mode, now), mode);
}

Report AssignDesk::import_coupling(const std::filesystem::path& file,
                                   const std::optional<ProjectName>& project,
                                   const CouplingImport& options, Mode mode, TimePoint now)
{
    constexpr std::size_t max_bytes = std::size_t{16} << 20U;
    auto content = read_coupling_file(read_file(file, max_bytes), project);
    for (const auto& line : content.lines) {
        m_permissions.check(ProjectName{line.row.project});
    }
    CouplingImporter importer{m_config.paths, coupling_list(), dtp(), m_redcaps.projects()};
    return report_import(importer.import(std::move(content), options, mode, now), mode);
}

Report AssignDesk::coupling(const std::optional<ProjectName>& project)
{
    return report_coupling(read_coupling(coupling_list()), project, m_permissions);
}

Report AssignDesk::expire_coupling(std::chrono::seconds age, Mode mode, TimePoint now)
{
    if (!m_permissions.allows("*")) {
        throw Error{Fault::permission, "expire is for those who may use every project"};
    }
    store::check_clock(m_config.paths, "coupling-expire", mode, store::read_clocks(now));
    return report_expiry(routing::expire_coupling(coupling_list(), age, mode, now), mode);
}

Report AssignDesk::status(const std::vector<StudyUid>& studies, const TransferQuery& query)
{
    redcap::Incoming records{incoming(), m_config.paths.state() / "locks"};
    auto transfers = records.transfers(studies);
    std::erase_if(transfers, [&](const redcap::Transfer& transfer) {
        return !m_permissions.allows(transfer.project);
    });
    return report_transfers(transfers, query);
}

StudyUid AssignDesk::study(const std::string& uid, const std::string& accession) const
{
    if (uid.empty() == accession.empty()) {
        throw Error{Fault::usage, "name the study by its UID, or by --accession"};
    }
    return uid.empty() ? study_with_accession(store::StudyTree{m_config.paths},
                                              Private<std::string>{accession})
                       : StudyUid{uid};
}

} // namespace fiona::routing
