// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/base/log.h"
#include "libfiona/cli/redcap_run.h"
#include "libfiona/cli/tool.h"
#include "libfiona/routing/autoid.h"

namespace {

using fiona::json::Array;
using fiona::json::Object;
using fiona::routing::AutoIdReport;

Array problems(const std::vector<AutoIdReport::Problem>& list)
{
    Array items;
    for (const auto& problem : list) {
        items.emplace_back(Object{{"project", problem.project.str()}, {"reason", problem.reason}});
    }
    return items;
}

/// Studies are named by their tags, participants not at all: the result may be mailed by cron.
fiona::json::Value as_document(const AutoIdReport& report, unsigned calls)
{
    Array given;
    for (const auto& item : report.given) {
        given.emplace_back(Object{{"study", fiona::log::uid_tag(item.study.str())},
                                  {"project", item.project.str()}});
    }
    Array refused;
    for (const auto& item : report.refused) {
        refused.emplace_back(Object{{"study", fiona::log::uid_tag(item.study.str())},
                                    {"project", item.project.str()},
                                    {"reason", fiona::log::without_uids(item.reason)}});
    }
    return Object{{"projects", report.projects},
                  {"pending", report.pending},
                  {"taken_back", report.taken_back},
                  {"given", given},
                  {"new_participants", report.new_participants},
                  {"refused", refused},
                  {"exhausted", problems(report.exhausted)},
                  {"disabled", problems(report.disabled)},
                  {"calls", calls}};
}

std::vector<std::string> as_lines(const AutoIdReport& report, fiona::Mode mode, unsigned calls)
{
    std::vector<std::string> lines;
    for (const auto* const list : {&report.exhausted, &report.disabled}) {
        for (const auto& problem : *list) {
            lines.push_back(fmt::format("{}: {}", problem.project, problem.reason));
        }
    }
    lines.push_back(fmt::format("{} projects with automatic ids: {} studies pending, {} {}, {} new "
                                "participants, {} refused, {} taken back before; {} calls",
                                report.projects, report.pending, report.given.size(),
                                mode == fiona::Mode::apply ? "requested" : "would be requested",
                                report.new_participants, report.refused.size(), report.taken_back,
                                calls));
    return lines;
}

} // namespace

int main(int argc, char** argv)
{
    using namespace fiona;

    cli::Tool tool{"fiona-populate-autoid",
                   "Give participant ids to the studies of projects that make them by themselves.",
                   "fiona-populate-autoid --dry-run"};
    tool.with_dry_run();
    const cli::RedcapRun redcap_run{tool};

    return tool.run(argc, argv, [&] {
        const auto& config = tool.config();
        redcap_run([&](routing::Redcaps& redcaps) {
            using redcap::Role;
            const auto report = routing::populate_autoid(
                {redcaps.at(Role::dtp), redcaps.at(Role::incoming),
                 redcaps.directly(Role::autoid), // not by the copy: no id may be given twice
                 redcaps.projects()},
                config, Clock::now(), tool.mode());
            const auto calls = redcaps.traffic().calls;
            tool.report(as_document(report, calls), as_lines(report, tool.mode(), calls));
            if (!report.disabled.empty()) {
                throw Error{Fault::config, "{} projects must be mended in DataTransferProjects",
                            report.disabled.size()};
            }
            if (!report.exhausted.empty() || !report.refused.empty()) {
                throw Error{Fault::data,
                            "{} projects have no free id left, {} studies are refused; "
                            "the others are requested",
                            report.exhausted.size(), report.refused.size()};
            }
        });
    });
}
