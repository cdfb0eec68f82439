// SPDX-License-Identifier: MIT
#include "libfiona/cli/assign_commands.h"

#include <functional>
#include <map>

namespace fiona::cli {

using routing::Assignment;
using routing::CouplingImport;
using routing::Report;
using routing::StudyQuery;
using routing::TransferQuery;

AssignCommands::AssignCommands(CLI::App& app) : m_app{app}
{
    m_app.require_subcommand(1);
    add_lists();
    add_participants();
    add_requests();
    add_coupling();
}

void AssignCommands::add_lists()
{
    auto* const studies = m_app.add_subcommand("studies", "studies that wait, and what is known");
    studies->add_option("--since", m_since, "arrived within, e.g. 12h (default 7d)");
    studies->add_flag("--all", m_all, "however old, and de-identified ones too");
    studies->add_option("--project", m_project, "only those requested for this project");
    studies->add_option("--filter", m_filters, "KEY~REGEX over the keys of --json (RE2)");

    m_app.add_subcommand("projects", "active projects");
}

void AssignCommands::add_participants()
{
    auto* const events = m_app.add_subcommand("events", "events of a project");
    auto* const participants = m_app.add_subcommand("participants", "participants of a project");
    participants->add_option("--like", m_like, "only ids with this text");
    auto* const check_id = m_app.add_subcommand("check-id", "whether an id could be added");
    auto* const add = m_app.add_subcommand("add-participant", "create a participant's record");
    add->add_option("--event", m_event, "event of the record (default: the first)");
    for (auto* const command : {events, participants, check_id, add}) {
        command->add_option("PROJECT", m_project, "name of the project")->required();
    }
    for (auto* const command : {check_id, add}) {
        command->add_option("ID", m_participant, "participant id")->required();
    }
}

void AssignCommands::add_requests()
{
    auto* const assign = m_app.add_subcommand("assign", "request a study for a project");
    assign->add_option("--project", m_project, "name of the project")->required();
    assign->add_option("--participant", m_participant, "participant id")->required();
    assign->add_option("--event", m_event, "event, by label or unique name");
    assign->add_flag("--create-participant", m_create_participant, "if it is not there");
    assign->add_flag("--resend", m_resend, "request again what was requested before");
    assign->add_flag("--force-second", m_force_second,
                     "although the project has the study under another participant or event");
    assign->add_flag("--same-person", m_same_person,
                     "although the participant has studies of another PatientID");

    auto* const cancel = m_app.add_subcommand("cancel", "take back a request that was not sent");
    cancel->add_option("--project", m_project, "name of the project")->required();
    cancel->add_option("--participant", m_participant, "where there are several requests");

    auto* const status = m_app.add_subcommand("status", "requests and what became of them");
    status->add_option("--project", m_project, "only of this project");
    status->add_flag("--errors", m_errors, "only those that failed");
    status->add_flag("--plain", m_plain, "separated by tabs, no heading");
    for (auto* const command : {assign, cancel, status}) {
        command->add_option("STUDYUID", m_study, "study instance UID");
        command->add_option("--accession", m_accession, "accession number instead of the UID");
    }
}

void AssignCommands::add_coupling()
{
    m_coupling = m_app.add_subcommand("coupling", "studies that are expected");
    m_coupling->require_subcommand(1);
    auto* const import = m_coupling->add_subcommand("import", "add the lines of a CSV file");
    import->add_option("FILE", m_file, "AccessionNumber, StudyInstanceUID, ProjectName, ...")
        ->required();
    import->add_flag("--create-participants", m_create_participants, "those that are not there");
    import->add_flag("--skip-bad", m_skip_bad, "import the good lines although others are bad");
    auto* const list = m_coupling->add_subcommand("list", "the rows there are");
    for (auto* const command : {import, list}) {
        command->add_option("--project", m_project, "for, or only of, this project");
    }
    auto* const expire = m_coupling->add_subcommand("expire", "delete old rows");
    expire->add_option("--older-than", m_older_than, "e.g. 14d, the default");
}

std::optional<ProjectName> AssignCommands::project_if_any() const
{
    return m_project.empty() ? std::nullopt : std::optional{ProjectName{m_project}};
}

StudyQuery AssignCommands::study_query(TimePoint now) const
{
    StudyQuery query;
    if (!m_all || !m_since.empty()) {
        query.arrived_since = now - routing::parse_duration(m_since.empty() ? "7d" : m_since);
    }
    query.deidentified = m_all ? StudyQuery::Deidentified::show : StudyQuery::Deidentified::hide;
    query.project = project_if_any();
    for (const auto& filter : m_filters) {
        query.filters.emplace_back(filter);
    }
    return query;
}

TransferQuery AssignCommands::transfer_query() const
{
    return {.which = m_errors ? TransferQuery::Which::errors : TransferQuery::Which::all,
            .heading = m_plain ? TransferQuery::Heading::no : TransferQuery::Heading::yes,
            .project = project_if_any()};
}

Assignment AssignCommands::assignment(StudyUid study) const
{
    return {.study = std::move(study),
            .project = ProjectName{m_project},
            .participant = ParticipantId{m_participant},
            .event = m_event,
            .unknown =
                m_create_participant ? Assignment::Unknown::create : Assignment::Unknown::refuse,
            .again = m_resend ? Assignment::Again::resend : Assignment::Again::keep,
            .second = m_force_second ? Assignment::Second::force : Assignment::Second::refuse,
            .person = m_same_person ? Assignment::Person::same : Assignment::Person::compare};
}

CouplingImport AssignCommands::coupling_import() const
{
    return {.participants = m_create_participants ? CouplingImport::Participants::create
                                                  : CouplingImport::Participants::as_they_are,
            .bad_lines =
                m_skip_bad ? CouplingImport::BadLines::skip : CouplingImport::BadLines::refuse_all};
}

Report AssignCommands::run_coupling(routing::AssignDesk& desk, Mode mode, TimePoint now) const
{
    const auto command = m_coupling->get_subcommands().front()->get_name();
    if (command == "import") {
        return desk.import_coupling(m_file, project_if_any(), coupling_import(), mode, now);
    }
    if (command == "list") {
        return desk.coupling(project_if_any());
    }
    return desk.expire_coupling(routing::parse_duration(m_older_than), mode, now);
}

Report AssignCommands::run(routing::AssignDesk& desk, Mode mode, TimePoint now) const
{
    const auto project = [&] { return ProjectName{m_project}; };
    const auto participant = [&] { return ParticipantId{m_participant}; };
    const auto study = [&] { return desk.study(m_study, m_accession); };
    const bool is_one_study = !m_study.empty() || !m_accession.empty();
    const std::map<std::string, std::function<Report()>> commands{
        {"studies", [&] { return desk.studies(study_query(now), now); }},
        {"projects", [&] { return desk.projects(); }},
        {"events", [&] { return desk.events(project()); }},
        {"participants", [&] { return desk.participants(project(), m_like); }},
        {"check-id", [&] { return desk.check_id(project(), participant()); }},
        {"add-participant",
         [&] { return desk.add_participant(project(), participant(), m_event, mode, now); }},
        {"assign", [&] { return desk.assign(assignment(study()), mode, now); }},
        {"cancel",
         [&] {
             return desk.cancel(study(), project(),
                                m_participant.empty() ? std::nullopt : std::optional{participant()},
                                mode, now);
         }},
        {"coupling", [&] { return run_coupling(desk, mode, now); }},
        {"status", [&] {
             return desk.status(is_one_study ? std::vector{study()} : std::vector<StudyUid>{},
                                transfer_query());
         }}};
    return commands.at(m_app.get_subcommands().front()->get_name())();
}

} // namespace fiona::cli
