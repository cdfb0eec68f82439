// SPDX-License-Identifier: MIT
#include "libfiona/routing/redcaps.h"

#include "libfiona/redcap/circuit.h"

namespace fiona::routing {

using redcap::Client;
using redcap::Role;

Redcaps::Redcaps(const RedcapConfig& config, Mode mode, redcap::Freshness freshness)
    : m_config{config}, m_mode{mode}, m_freshness{freshness}
{
}

bool Redcaps::is_resting(TimePoint now) const
{
    return m_mode == Mode::apply && redcap::is_resting(m_config, Role::incoming, now);
}

Client& Redcaps::at(Role role)
{
    auto& client = m_clients[role];
    if (!client) {
        client = redcap::open(m_config, role, m_mode, m_freshness);
    }
    return *client;
}

Client* Redcaps::find(Role role)
{
    return has_token(m_config, role) ? &at(role) : nullptr;
}

Client& Redcaps::directly(Role role)
{
    auto& client = m_clients[role];
    if (!client) {
        client = redcap::connect(m_config, role);
    }
    return *client;
}

OpenProject Redcaps::projects() const
{
    return [this](const Private<std::string>& token) { return redcap::connect(m_config, token); };
}

redcap::Traffic Redcaps::traffic() const
{
    redcap::Traffic sum;
    for (const auto& [role, client] : m_clients) {
        const auto one = client->traffic();
        sum.calls += one.calls;
        sum.bytes_sent += one.bytes_sent;
        sum.bytes_received += one.bytes_received;
        sum.rows_read += one.rows_read;
        sum.rows_written += one.rows_written;
    }
    return sum;
}

} // namespace fiona::routing
