// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/cli/tool.h"
#include "libfiona/redcap/circuit.h"
#include "libfiona/redcap/mirror.h"
#include "libfiona/routing/populate_incoming.h"
#include "libfiona/routing/populate_report.h"

#include <chrono>
#include <memory>
#include <optional>

namespace {

/// Coupling list and routing rules are used where the site has tokens for them.
class Redcaps {
public:
    Redcaps(const fiona::RedcapConfig& config, fiona::Mode mode, fiona::redcap::Freshness freshness)
        : m_config{config}, m_mode{mode}, m_freshness{freshness}, m_incoming{open(Role::incoming)},
          m_coupling{open_if_any(Role::coupling)}, m_routing{open_if_any(Role::routing)}
    {
    }

    [[nodiscard]] fiona::routing::PopulateProjects projects()
    {
        return {*m_incoming, m_coupling.get(), m_routing.get(), [this]() -> fiona::redcap::Client& {
                    m_dtp = open(Role::dtp);
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

    [[nodiscard]] std::unique_ptr<fiona::redcap::Client> open(Role role) const
    {
        return fiona::redcap::open(m_config, role, m_mode, m_freshness);
    }

    [[nodiscard]] std::unique_ptr<fiona::redcap::Client> open_if_any(Role role) const
    {
        return has_token(m_config, role) ? open(role) : nullptr;
    }

    const fiona::RedcapConfig& m_config;
    fiona::Mode m_mode;
    fiona::redcap::Freshness m_freshness;
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
    bool look_now = false;
    tool.options().add_flag("--now", look_now,
                            "ask REDCap itself, however young the copy of it is");

    return tool.run(argc, argv, [&] {
        const auto started = std::chrono::steady_clock::now();
        const auto& config = tool.config();
        tool.run_alone();
        if (tool.mode() == Mode::apply
            && redcap::is_resting(config.redcap, redcap::Role::incoming, Clock::now())) {
            return;
        }
        Redcaps redcaps{config.redcap, tool.mode(),
                        look_now ? redcap::Freshness::now : redcap::Freshness::usual};
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
