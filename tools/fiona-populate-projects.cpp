// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/base/log.h"
#include "libfiona/cli/redcap_run.h"
#include "libfiona/cli/tool.h"
#include "libfiona/routing/populate_projects.h"

#include <algorithm>

namespace {

using fiona::routing::ProjectsReport;

fiona::json::Value as_document(const ProjectsReport& report, unsigned calls)
{
    fiona::json::Array problems;
    for (const auto& problem : report.problems) {
        problems.emplace_back(
            fiona::json::Object{{"project", problem.project.str()},
                                {"reason", fiona::log::without_uids(problem.reason)}});
    }
    return fiona::json::Object{{"projects", report.projects},
                               {"unchanged", report.unchanged},
                               {"transfers", report.transfers},
                               {"participants_created", report.participants_created},
                               {"images_created", report.images_created},
                               {"problems", problems},
                               {"calls", calls}};
}

std::vector<std::string> as_lines(const ProjectsReport& report, fiona::Mode mode, unsigned calls)
{
    std::vector<std::string> lines;
    for (const auto& problem : report.problems) {
        lines.push_back(
            fmt::format("{}: {}", problem.project, fiona::log::without_uids(problem.reason)));
    }
    const auto* const would = mode == fiona::Mode::apply ? "" : "would be ";
    lines.push_back(fmt::format("{} projects with {} transfers: {} unchanged, {} participants {}"
                                "created, {} studies {}entered, {} problems; {} calls",
                                report.projects, report.transfers, report.unchanged,
                                report.participants_created, would, report.images_created, would,
                                report.problems.size(), calls));
    return lines;
}

} // namespace

int main(int argc, char** argv)
{
    using namespace fiona;

    cli::Tool tool{"fiona-populate-projects",
                   "Tell each project's REDCap which studies were transferred to it.",
                   "fiona-populate-projects --project DEMO --dry-run"};
    tool.with_dry_run();
    const cli::RedcapRun redcap_run{tool};
    std::string project;
    tool.options().add_option("--project", project, "this project alone, all of it again");

    return tool.run(argc, argv, [&] {
        const auto only = project.empty() ? std::nullopt : std::optional{ProjectName{project}};
        const auto& config = tool.config();
        redcap_run([&](routing::Redcaps& redcaps) {
            const auto report =
                routing::populate_projects({redcaps.at(redcap::Role::dtp),
                                            redcaps.at(redcap::Role::incoming), redcaps.projects()},
                                           config, Clock::now(), tool.mode(), only);
            const auto calls = redcaps.traffic().calls + report.calls;
            tool.report(as_document(report, calls), as_lines(report, tool.mode(), calls));
            if (!report.problems.empty()) {
                const bool is_data =
                    std::ranges::all_of(report.problems, &ProjectsReport::Problem::is_data);
                throw Error{is_data ? Fault::data : Fault::unreachable,
                            "{} problems; all other projects are told", report.problems.size()};
            }
        });
    });
}
