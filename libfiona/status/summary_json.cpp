// SPDX-License-Identifier: MIT
#include "libfiona/base/json.h"
#include "libfiona/status/summary.h"

#include <array>
#include <utility>

namespace fiona::status {

namespace {

json::Value time_of(const std::optional<TimePoint>& when)
{
    return when ? json::Value{iso8601_utc(*when)} : json::Value{};
}

json::Object as_json(const Amounts& amounts)
{
    return {{"count", amounts.count}, {"oldest", time_of(amounts.oldest)}};
}

json::Object as_json(const store::KnownRun& run)
{
    constexpr std::array<std::string_view, 3> states{"ended", "running", "killed"};
    json::Object object{{"job", title_of(run.run.name)},
                        {"state", states.at(static_cast<std::size_t>(run.state))},
                        {"host", run.run.host},
                        {"pid", run.run.pid},
                        {"started", iso8601_utc(run.run.started)}};
    if (run.last) {
        object["ended"] = iso8601_utc(run.last->ended);
        object["exit_code"] = run.last->exit_code;
        object["last_success"] = time_of(run.last->last_success);
    }
    return object;
}

json::Object as_json(const JobState& state)
{
    auto object = state.run ? as_json(*state.run)
                            : json::Object{{"job", title_of(state.job.name)}, {"state", "never"}};
    object["schedule"] = state.job.schedule;
    object["overdue"] = state.is_overdue;
    return object;
}

json::Object as_json(const DiskArea& disk)
{
    constexpr std::array<std::string_view, 3> states{"ok", "low", "hard"};
    return {{"name", disk.name},
            {"free_bytes", disk.space.free_bytes},
            {"used_bytes", disk.space.used_bytes},
            {"total_bytes", disk.space.total_bytes},
            {"free_inode_share", disk.space.free_inode_share},
            {"state", states.at(static_cast<std::size_t>(disk.state))}};
}

json::Object as_json(const Daemon& daemon)
{
    return {{"name", daemon.name},
            {"running", daemon.pid != 0},
            {"pid", daemon.pid},
            {"expected", daemon.is_expected}};
}

json::Object as_json(const PeerAnswer& peer)
{
    return {{"name", peer.name},
            {"answers", peer.answers},
            {"reason", peer.reason},
            {"seconds", peer.took.count()}};
}

json::Object as_json(const OtherQueue& queue)
{
    return {{"name", queue.name},
            {"waiting", queue.waiting},
            {"oldest", time_of(queue.oldest)},
            {"failed", queue.failed}};
}

json::Object as_json(const Trouble& trouble)
{
    return {{"severity", trouble.severity == Trouble::Severity::critical ? "critical" : "warning"},
            {"what", trouble.what},
            {"next", trouble.next}};
}

template <typename Items>
json::Array array_of(const Items& items)
{
    json::Array array;
    for (const auto& item : items) {
        array.emplace_back(as_json(item));
    }
    return array;
}

template <typename Map>
json::Object counts_in(const Map& map)
{
    json::Object object;
    for (const auto& [name, count] : map) {
        object.emplace(name, count);
    }
    return object;
}

/// What is null where its part could not be looked at.
constexpr std::array<std::pair<Part, const char*>, 11> members_of_parts{
    {{Part::arrivals, "arrivals"},
     {Part::arrivals, "days"},
     {Part::arrivals, "total"},
     {Part::spool, "spool"},
     {Part::requests, "requests"},
     {Part::requests, "failures_last_day"},
     {Part::disks, "disks"},
     {Part::daemons, "daemons"},
     {Part::set_aside, "set_aside"},
     {Part::jobs, "jobs"},
     {Part::jobs, "other_runs"}}};

} // namespace

json::Value as_json(const Summary& summary)
{
    constexpr unsigned days_shown = 30;
    json::Object requests;
    for (const auto& [state, amounts] : summary.requests) {
        requests.emplace(name_of(state), as_json(amounts));
    }
    json::Object days;
    for (const auto& day : last_days(summary.when, days_shown)) {
        const auto found = summary.days.days.find(day);
        days.emplace(day, as_json(found == summary.days.days.end() ? DayCounts{} : found->second));
    }
    json::Array unseen;
    for (const auto part : summary.unseen) {
        unseen.emplace_back(name_of(part));
    }
    json::Object document{
        {"schema", 1},
        {"time", iso8601_utc(summary.when)},
        {"host", summary.host},
        {"exit_code", exit_code_of(summary)},
        {"unseen", std::move(unseen)},
        {"arrivals", json::Object{{"today", summary.arrived_today},
                                  {"week", summary.arrived_week},
                                  {"last", time_of(summary.last_arrival)},
                                  {"arriving", summary.arriving},
                                  {"reception_enabled", summary.is_reception_enabled},
                                  {"received_objects", summary.received_objects},
                                  {"received_bytes", summary.received_bytes}}},
        {"spool", as_json(summary.spool)},
        {"requests", std::move(requests)},
        {"failures_last_day", counts_in(summary.failures)},
        {"disks", array_of(summary.disks)},
        {"full_when", time_of(summary.full_when)},
        {"daemons", array_of(summary.daemons)},
        {"peers", array_of(summary.peers)},
        {"jobs", array_of(summary.jobs)},
        {"other_runs", array_of(summary.other_runs)},
        {"set_aside", counts_in(summary.set_aside)},
        {"queues", array_of(summary.queues)},
        {"days", std::move(days)},
        {"total", as_json(summary.days.total)},
        {"troubles", array_of(summary.troubles)}};
    for (const auto& [part, member] : members_of_parts) {
        if (!summary.knows(part)) {
            document[member] = nullptr;
        }
    }
    return document;
}

} // namespace fiona::status
