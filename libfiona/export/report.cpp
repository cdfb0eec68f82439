// SPDX-License-Identifier: MIT
#include "libfiona/export/report.h"

#include "libfiona/base/log.h"

namespace fiona::exports {

namespace {

std::string due(const ExportJob& job)
{
    return job.not_before ? iso8601_utc(*job.not_before) : "";
}

} // namespace

json::Value as_document(const RunReport& report)
{
    json::Array jobs;
    for (const auto& job : report.jobs) {
        jobs.emplace_back(json::Object{{"id", job.id},
                                       {"project", job.project},
                                       {"type", job.type},
                                       {"study", log::uid_tag(job.study)},
                                       {"state", name_of(job.state)},
                                       {"objects", job.objects},
                                       {"bytes", job.bytes},
                                       {"reason", job.reason}});
    }
    return json::Object{{"jobs", std::move(jobs)}};
}

std::vector<std::vector<std::string>> as_rows(const RunReport& report)
{
    std::vector<std::vector<std::string>> rows;
    for (const auto& job : report.jobs) {
        rows.push_back({job.id, job.project, job.type, log::uid_tag(job.study),
                        std::string{name_of(job.state)}, fmt::format("{} objects", job.objects),
                        job.reason});
    }
    return rows;
}

json::Value as_document(const ExportList::Listing& listing)
{
    json::Array jobs;
    for (const auto& job : listing.jobs) {
        jobs.emplace_back(json::Object{{"id", job.id},
                                       {"project", job.project},
                                       {"type", job.type},
                                       {"study", log::uid_tag(job.study.str())},
                                       {"state", state_name(job.state)},
                                       {"attempts", job.attempts},
                                       {"not_before", due(job)},
                                       {"last_error", job.last_error}});
    }
    json::Array given_up;
    for (const auto& [job, when] : listing.given_up) {
        given_up.emplace_back(json::Object{{"id", job.id},
                                           {"project", job.project},
                                           {"event", job.event},
                                           {"type", job.type},
                                           {"study", log::uid_tag(job.study.str())},
                                           {"attempts", job.attempts},
                                           {"when", when},
                                           {"last_error", job.last_error}});
    }
    return json::Object{{"jobs", std::move(jobs)},
                        {"given_up", listing.failed},
                        {"given_up_jobs", std::move(given_up)},
                        {"unreadable", listing.unreadable}};
}

std::vector<std::vector<std::string>> as_rows(const ExportList::Listing& listing)
{
    std::vector<std::vector<std::string>> rows;
    for (const auto& job : listing.jobs) {
        rows.push_back({job.id, job.project, job.type, log::uid_tag(job.study.str()),
                        std::string{state_name(job.state)},
                        fmt::format("{} attempts", job.attempts), due(job), job.last_error});
    }
    for (const auto& [job, when] : listing.given_up) {
        rows.push_back({job.id, job.project, job.type, log::uid_tag(job.study.str()), "given up",
                        fmt::format("{} attempts", job.attempts), when, job.last_error});
    }
    return rows;
}

} // namespace fiona::exports
