// SPDX-License-Identifier: MIT
#include "libfiona/workflow/report.h"

#include <fmt/format.h>

namespace fiona::workflow {

json::Value as_document(const RunReport& report)
{
    json::Array list;
    for (const auto& job : report.jobs) {
        list.emplace_back(json::Object{{"job", job.id},
                                       {"project", job.project},
                                       {"image", job.image},
                                       {"state", state_name(job.state)},
                                       {"folder", job.folder},
                                       {"images", job.images},
                                       {"values", job.values},
                                       {"reason", job.reason}});
    }
    return json::Object{{"jobs", std::move(list)},
                        {"folders_removed", report.upkeep.removed},
                        {"refused_kept", report.upkeep.kept}};
}

std::vector<std::string> as_lines(const RunReport& report)
{
    std::vector<std::string> lines;
    for (const auto& job : report.jobs) {
        // Image and project are a stranger's until the line is accepted: quoted.
        lines.push_back(fmt::format("{} {} {} {}: {} images, {} values{}{}", state_name(job.state),
                                    job.id, json::quoted(job.project), json::quoted(job.image),
                                    job.images, job.values, job.reason.empty() ? "" : ": ",
                                    job.reason));
    }
    lines.push_back(fmt::format("{} jobs", report.jobs.size()));
    if (const auto& upkeep = report.upkeep; upkeep.removed + upkeep.kept > 0) {
        lines.push_back(
            fmt::format("folders of {} old jobs removed, of {} with refused results kept",
                        upkeep.removed, upkeep.kept));
    }
    return lines;
}

json::Value as_document(const Selection& selection)
{
    return json::Object{{"sets", jobs::as_frozen_list(selection.sets)},
                        {"listed", selection.listed}};
}

std::vector<std::string> as_lines(const Selection& selection)
{
    std::size_t series = 0;
    for (const auto& set : selection.sets) {
        series += set.size();
    }
    return {fmt::format("{} data sets of {} series, {} listed", selection.sets.size(), series,
                        selection.listed)};
}

} // namespace fiona::workflow
