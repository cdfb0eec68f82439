// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/pattern.h"
#include "libfiona/base/private.h"
#include "libfiona/redcap/client.h"
#include "libfiona/routing/series_record.h"

#include <optional>
#include <string>
#include <vector>

namespace fiona::routing {

/// The routing rules of the site (ROUTING, share/redcap/routing.csv): a study from, or to, an AE title whose
/// patient id or name is a pseudonym already goes to a project without anybody's hand.
class RoutingRules {
public:
    RoutingRules() = default;
    /// The active rules. One that cannot be used is left out, logged, and listed in disabled(): the
    /// others work on.
    explicit RoutingRules(redcap::Client& routing);

    struct Match {
        std::string rule; ///< its record id
        std::string project;
        Private<std::string> participant; ///< what the patient is called already
        std::string event;                ///< may be empty
    };
    /// A rule applies if one of its AE titles is that of the study (an empty one never is), and one of
    /// its patterns matches the whole patient id or the whole patient name; the id goes before the name.
    [[nodiscard]] std::vector<Match> find(const StudyOnDisk& study) const;

    struct Disabled {
        std::string rule;
        std::string reason;
    };
    [[nodiscard]] const std::vector<Disabled>& disabled() const { return m_disabled; }

private:
    struct Rule {
        std::string name, project, event;
        std::string called, sender; ///< AE titles; at least one of them
        std::optional<Pattern> patient_id, patient_name;
    };

    [[nodiscard]] static Rule rule_of(const redcap::Row& row, std::string project);

    std::vector<Rule> m_rules;
    std::vector<Disabled> m_disabled;
};

} // namespace fiona::routing
