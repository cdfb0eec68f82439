// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/base/log.h"
#include "libfiona/cli/tool.h"
#include "libfiona/redcap/client.h"
#include "libfiona/routing/populate_incoming.h"

#include <chrono>
#include <memory>
#include <optional>

namespace {

using fiona::json::Array;
using fiona::json::Object;

/// Studies are named by their tags: the result may be mailed by cron.
fiona::json::Value as_document(const fiona::routing::PopulateReport& report,
                               const fiona::redcap::Traffic& traffic, double seconds)
{
    Array written;
    for (const auto& study : report.written) {
        written.emplace_back(fiona::log::uid_tag(study.str()));
    }
    Array refused;
    for (const auto& refusal : report.refused) {
        refused.emplace_back(Object{{"study", fiona::log::uid_tag(refusal.study.str())},
                                    {"reason", fiona::log::without_uids(refusal.reason)}});
    }
    Array requested;
    for (const auto& request : report.requested) {
        requested.emplace_back(Object{{"study", fiona::log::uid_tag(request.study.str())},
                                      {"project", request.project},
                                      {"source", request.source}});
    }
    Array conflicts;
    for (const auto& conflict : report.conflicts) {
        conflicts.emplace_back(Object{{"study", fiona::log::uid_tag(conflict.study.str())},
                                      {"project", conflict.project},
                                      {"reason", fiona::log::without_uids(conflict.reason)}});
    }
    Array disabled;
    for (const auto& rule : report.disabled_rules) {
        disabled.emplace_back(Object{{"rule", rule.rule}, {"reason", rule.reason}});
    }
    return Object{{"studies", report.studies},
                  {"waiting", report.waiting},
                  {"deidentified", report.deidentified},
                  {"unchanged", report.unchanged},
                  {"written", written},
                  {"series_rows", report.series_rows},
                  {"refused", refused},
                  {"unreadable_series", report.unreadable_series},
                  {"requested", requested},
                  {"conflicts", conflicts},
                  {"old_conflicts", report.old_conflicts},
                  {"disabled_rules", disabled},
                  {"calls", traffic.calls},
                  {"bytes_sent", traffic.bytes_sent},
                  {"bytes_received", traffic.bytes_received},
                  {"rows_read", traffic.rows_read},
                  {"rows_written", traffic.rows_written},
                  {"seconds", seconds}};
}

std::vector<std::string> as_lines(const fiona::routing::PopulateReport& report,
                                  const fiona::redcap::Traffic& traffic, fiona::Mode mode,
                                  double seconds)
{
    const bool is_done = mode == fiona::Mode::apply;
    std::vector<std::string> lines;
    for (const auto& conflict : report.conflicts) {
        lines.push_back(fmt::format("{} {}: {}", fiona::log::uid_tag(conflict.study.str()),
                                    conflict.project, fiona::log::without_uids(conflict.reason)));
    }
    for (const auto& rule : report.disabled_rules) {
        lines.push_back(fmt::format("routing rule {} is disabled: {}", rule.rule, rule.reason));
    }
    lines.push_back(fmt::format(
        "{} studies: {} {} ({} series), {} unchanged, {} waiting, {} refused; {} {}, {} in "
        "conflict; {} calls, {} rows read, {} rows written, {:.1f} s",
        report.studies, report.written.size(), is_done ? "recorded" : "would be recorded",
        report.series_rows, report.unchanged, report.waiting, report.refused.size(),
        report.requested.size(), is_done ? "requested" : "would be requested",
        report.conflicts.size() + report.old_conflicts, traffic.calls, traffic.rows_read,
        traffic.rows_written, seconds));
    return lines;
}

/// Coupling list and routing rules are used where the site has tokens for them.
class Redcaps {
public:
    explicit Redcaps(const fiona::RedcapConfig& config)
        : m_config{config}, m_incoming{connect(config, Role::incoming)},
          m_coupling{connect_if_any(Role::coupling)}, m_routing{connect_if_any(Role::routing)}
    {
    }

    [[nodiscard]] fiona::routing::PopulateProjects projects()
    {
        return {*m_incoming, m_coupling.get(), m_routing.get(), [this]() -> fiona::redcap::Client& {
                    m_dtp = connect(m_config, Role::dtp);
                    return *m_dtp;
                }};
    }

    [[nodiscard]] fiona::redcap::Traffic traffic() const
    {
        fiona::redcap::Traffic sum;
        for (const auto* const client : {&m_incoming, &m_coupling, &m_routing, &m_dtp}) {
            if (*client) {
                const auto one = (*client)->traffic();
                sum.calls += one.calls;
                sum.bytes_sent += one.bytes_sent;
                sum.bytes_received += one.bytes_received;
                sum.rows_read += one.rows_read;
                sum.rows_written += one.rows_written;
            }
        }
        return sum;
    }

private:
    using Role = fiona::redcap::Role;

    [[nodiscard]] std::unique_ptr<fiona::redcap::Client> connect_if_any(Role role) const
    {
        return has_token(m_config, role) ? connect(m_config, role) : nullptr;
    }

    const fiona::RedcapConfig& m_config;
    std::unique_ptr<fiona::redcap::Client> m_incoming, m_coupling, m_routing, m_dtp;
};

} // namespace

int main(int argc, char** argv)
{
    using namespace fiona;

    cli::Tool tool{
        "fiona-populate-incoming",
        "Record the studies of the archive in REDCap, and request those whose project is known.",
        "fiona-populate-incoming --dry-run"};
    tool.with_dry_run();
    std::optional<std::string> project;
    tool.options().add_option("--project,--importAll", project,
                              "ask the routing rules for this project about every study again");

    return tool.run(argc, argv, [&] {
        const auto started = std::chrono::steady_clock::now();
        const auto& config = tool.config();
        tool.run_alone();
        Redcaps redcaps{config.redcap};
        const auto report = routing::populate_incoming(redcaps.projects(), config, Clock::now(),
                                                       tool.mode(), project);
        const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - started;
        const auto traffic = redcaps.traffic();
        tool.report(as_document(report, traffic, elapsed.count()),
                    as_lines(report, traffic, tool.mode(), elapsed.count()));
        const auto conflicts = report.conflicts.size() + report.old_conflicts;
        if (!report.refused.empty() || report.unreadable_series > 0 || conflicts > 0
            || !report.disabled_rules.empty()) {
            throw Error{Fault::data,
                        "{} studies refused by REDCap, {} series JSON unreadable, {} requests in "
                        "conflict, {} routing rules disabled; all others are done",
                        report.refused.size(),
                        report.unreadable_series,
                        conflicts,
                        report.disabled_rules.size()};
        }
    });
}
