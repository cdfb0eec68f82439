// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/cli/tool.h"
#include "libfiona/redcap/client.h"
#include "libfiona/routing/populate_incoming.h"
#include "libfiona/routing/populate_report.h"

#include <chrono>
#include <memory>
#include <optional>

namespace {

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
        tool.report(routing::as_document(report, traffic, elapsed.count()),
                    routing::as_lines(report, traffic, tool.mode(), elapsed.count()));
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
