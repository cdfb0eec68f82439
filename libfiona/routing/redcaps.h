// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/config.h"
#include "libfiona/base/dates.h"
#include "libfiona/base/mode.h"
#include "libfiona/redcap/client.h"
#include "libfiona/redcap/mirror.h"
#include "libfiona/routing/assign.h"

#include <map>
#include <memory>

namespace fiona::routing {

/// REDCap for one run of a tool: each project of the site is opened when it is first needed, through
/// the copy that the tools share.
class Redcaps {
public:
    /// `config` is borrowed.
    Redcaps(const RedcapConfig& config, Mode mode, redcap::Freshness freshness);

    /// Whether REDCap is known to be down, so that the run ends well with nothing done
    /// (redcap::is_resting()). A dry run always looks.
    [[nodiscard]] bool is_resting(TimePoint now) const;

    /// Throws Error{Fault::config} if the site has no token for `role`.
    [[nodiscard]] redcap::Client& at(redcap::Role role);
    /// Null where the site has no token for `role`.
    [[nodiscard]] redcap::Client* find(redcap::Role role);
    /// Not through the copy, for what must not be decided by one. Ask always this or always at().
    [[nodiscard]] redcap::Client& directly(redcap::Role role);
    /// The REDCap project of a research project.
    [[nodiscard]] OpenProject projects() const;

    /// Of all that were opened here, research projects aside.
    [[nodiscard]] redcap::Traffic traffic() const;

private:
    const RedcapConfig& m_config;
    Mode m_mode;
    redcap::Freshness m_freshness;
    std::map<redcap::Role, std::unique_ptr<redcap::Client>> m_clients;
};

} // namespace fiona::routing
