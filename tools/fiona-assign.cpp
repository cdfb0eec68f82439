// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/cli/tool.h"
#include "libfiona/routing/assign_desk.h"

#include <functional>
#include <map>
#include <string>
#include <vector>

namespace {

using namespace fiona;
using routing::Assignment;
using routing::StudyQuery;
using routing::TransferQuery;

/// What the sub-commands take; each uses its own.
struct Words {
    std::string study, accession, project, participant, event, like, since;
    std::vector<std::string> filters;
    bool all = false, errors = false, plain = false;
    bool create_participant = false, resend = false, force_second = false;

    [[nodiscard]] std::optional<ProjectName> project_if_any() const
    {
        return project.empty() ? std::nullopt : std::optional{ProjectName{project}};
    }

    [[nodiscard]] StudyQuery study_query(TimePoint now) const
    {
        StudyQuery query;
        if (!all || !since.empty()) {
            query.arrived_since = now - routing::parse_duration(since.empty() ? "7d" : since);
        }
        query.deidentified = all ? StudyQuery::Deidentified::show : StudyQuery::Deidentified::hide;
        query.project = project_if_any();
        for (const auto& filter : filters) {
            query.filters.emplace_back(filter);
        }
        return query;
    }

    [[nodiscard]] TransferQuery transfer_query() const
    {
        return {.which = errors ? TransferQuery::Which::errors : TransferQuery::Which::all,
                .heading = plain ? TransferQuery::Heading::no : TransferQuery::Heading::yes,
                .project = project_if_any()};
    }

    [[nodiscard]] Assignment assignment(StudyUid uid) const
    {
        return {.study = std::move(uid),
                .project = ProjectName{project},
                .participant = ParticipantId{participant},
                .event = event,
                .unknown =
                    create_participant ? Assignment::Unknown::create : Assignment::Unknown::refuse,
                .again = resend ? Assignment::Again::resend : Assignment::Again::keep,
                .second = force_second ? Assignment::Second::force : Assignment::Second::refuse};
    }
};

void add_commands(CLI::App& app, Words& words)
{
    app.require_subcommand(1);
    auto* const studies = app.add_subcommand("studies", "studies that wait, and what is known");
    studies->add_option("--since", words.since, "arrived within, e.g. 12h (default 7d)");
    studies->add_flag("--all", words.all, "however old, and de-identified ones too");
    studies->add_option("--project", words.project, "only those requested for this project");
    studies->add_option("--filter", words.filters, "KEY~REGEX over the keys of --json (RE2)");

    app.add_subcommand("projects", "active projects");

    auto* const events = app.add_subcommand("events", "events of a project");
    auto* const participants = app.add_subcommand("participants", "participants of a project");
    participants->add_option("--like", words.like, "only ids with this text");
    auto* const check_id = app.add_subcommand("check-id", "whether an id could be added");
    auto* const add = app.add_subcommand("add-participant", "create a participant's record");
    add->add_option("--event", words.event, "event of the record (default: the first)");
    for (auto* const command : {events, participants, check_id, add}) {
        command->add_option("PROJECT", words.project, "name of the project")->required();
    }
    for (auto* const command : {check_id, add}) {
        command->add_option("ID", words.participant, "participant id")->required();
    }

    auto* const assign = app.add_subcommand("assign", "request a study for a project");
    assign->add_option("--project", words.project, "name of the project")->required();
    assign->add_option("--participant", words.participant, "participant id")->required();
    assign->add_option("--event", words.event, "event, by label or unique name");
    assign->add_flag("--create-participant", words.create_participant, "if it is not there");
    assign->add_flag("--resend", words.resend, "request again what was requested before");
    assign->add_flag("--force-second", words.force_second,
                     "although the project has the study under another participant or event");

    auto* const status = app.add_subcommand("status", "requests and what became of them");
    status->add_option("--project", words.project, "only of this project");
    status->add_flag("--errors", words.errors, "only those that failed");
    status->add_flag("--plain", words.plain, "separated by tabs, no heading");
    for (auto* const command : {assign, status}) {
        command->add_option("STUDYUID", words.study, "study instance UID");
        command->add_option("--accession", words.accession, "accession number instead of the UID");
    }
}

} // namespace

int main(int argc, char** argv)
{
    cli::Tool tool{"fiona-assign", "say which project, participant and event a study belongs to",
                   "fiona-assign assign 1.2.3.4 --project DEMO --participant DEMO_001 "
                   "--event Baseline --create-participant"};
    tool.with_dry_run();
    Words words;
    add_commands(tool.options(), words);

    return tool.run(argc, argv, [&] {
        const auto now = Clock::now();
        const auto command = tool.options().get_subcommands().front()->get_name();
        const auto project = [&] { return ProjectName{words.project}; };
        const auto participant = [&] { return ParticipantId{words.participant}; };
        const bool one_study = !words.study.empty() || !words.accession.empty();
        routing::AssignDesk desk{tool.config()};
        const auto study = [&] { return desk.study(words.study, words.accession); };
        const std::map<std::string, std::function<routing::Report()>> commands{
            {"studies", [&] { return desk.studies(words.study_query(now), now); }},
            {"projects", [&] { return desk.projects(); }},
            {"events", [&] { return desk.events(project()); }},
            {"participants", [&] { return desk.participants(project(), words.like); }},
            {"check-id", [&] { return desk.check_id(project(), participant()); }},
            {"add-participant",
             [&] {
                 return desk.add_participant(project(), participant(), words.event, tool.mode(),
                                             now);
             }},
            {"assign", [&] { return desk.assign(words.assignment(study()), tool.mode(), now); }},
            {"status", [&] {
                 return desk.status(one_study ? std::vector{study()} : std::vector<StudyUid>{},
                                    words.transfer_query());
             }}};
        const auto report = commands.at(command)();
        tool.report(report.document,
                    words.plain ? routing::tab_separated(report.rows) : cli::table(report.rows));
    });
}
