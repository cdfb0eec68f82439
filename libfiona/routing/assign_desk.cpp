// SPDX-License-Identifier: MIT
#include "libfiona/routing/assign_desk.h"

#include "libfiona/base/error.h"
#include "libfiona/redcap/mirror.h"

namespace fiona::routing {

namespace {

redcap::Client& connected(std::unique_ptr<redcap::Client>& client, const Config& config,
                          redcap::Role role)
{
    if (!client) {
        client = redcap::open(config.redcap, role);
    }
    return *client;
}

} // namespace

redcap::Client& AssignDesk::incoming()
{
    return connected(m_incoming, m_config, redcap::Role::incoming);
}

redcap::Client& AssignDesk::dtp()
{
    return connected(m_dtp, m_config, redcap::Role::dtp);
}

Assigner AssignDesk::assigner()
{
    return {m_config.paths, incoming(), dtp(), [this](const Private<std::string>& token) {
                return redcap::connect(m_config.redcap, token);
            }};
}

Report AssignDesk::studies(const StudyQuery& query, TimePoint now)
{
    redcap::Incoming records{incoming(), m_config.paths.state() / "locks"};
    return report_studies(find_studies(m_config.paths, records, query), now);
}

Report AssignDesk::projects()
{
    return report_projects(dtp());
}

Report AssignDesk::events(const ProjectName& project)
{
    return report_events(*assigner().open(project));
}

Report AssignDesk::participants(const ProjectName& project, const std::string& like)
{
    return report_participants(*assigner().open(project), like);
}

Report AssignDesk::check_id(const ProjectName& project, const ParticipantId& participant)
{
    assigner().check_new_id(project, participant);
    return {json::Object{{"project", project.str()}, {"ok", true}},
            {{"ok: this id may be added to " + project.str()}}};
}

Report AssignDesk::add_participant(const ProjectName& project, const ParticipantId& participant,
                                   const std::string& event, Mode mode, TimePoint now)
{
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
    return report_assignment(assigner().assign(wanted, mode, now), mode);
}

Report AssignDesk::status(const std::vector<StudyUid>& studies, const TransferQuery& query)
{
    redcap::Incoming records{incoming(), m_config.paths.state() / "locks"};
    return report_transfers(records.transfers(studies), query);
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
