// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/dates.h"
#include "libfiona/base/mode.h"
#include "libfiona/redcap/incoming.h"
#include "libfiona/routing/coupling.h"
#include "libfiona/routing/participant_check.h"
#include "libfiona/routing/routing_rules.h"
#include "libfiona/routing/series_record.h"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace fiona::routing {

/// Which sources are asked for a study.
struct RoutingScope {
    enum class Rules { skip, apply } rules = Rules::apply;
    std::optional<std::string> only_project; ///< rules for this destination alone
};

/// What coupling list and routing rules made of some studies.
struct RoutingReport {
    struct Request {
        StudyUid study;
        std::string project;
        std::string source; ///< "coupling list", "routing rule NAME"
    };
    /// Nothing was requested for this study and project, and a person must decide.
    struct Conflict {
        StudyUid study;
        std::string project;
        std::string reason; ///< no participant, name or number in it
    };
    std::vector<Request> requested; ///< new; with Mode::dry_run: would be
    std::vector<Conflict> conflicts;
};

/// Asks coupling list and routing rules what studies are for, and requests them: one request at most
/// for a study and a project. Sources that disagree about participant or event request nothing, and
/// neither does a row of the coupling list that would put two patients under one pseudonym: the list knows accession
/// numbers, and those of two hospitals may be the same.
class Router {
public:
    using OpenDtp = std::function<redcap::Client&()>;

    /// All are borrowed. `dtp` is asked for when there is something to request.
    Router(const CouplingIndex& coupling, const RoutingRules& rules, OpenDtp dtp)
        : m_coupling{coupling}, m_rules{rules}, m_dtp{std::move(dtp)}
    {
    }

    /// Remembers what is wanted for a study; nothing is written before flush().
    void look_at(const StudyOnDisk& study, const RoutingScope& scope);
    /// Requests it. Throws what redcap::Client throws.
    [[nodiscard]] RoutingReport flush(redcap::Incoming& incoming, TimePoint now, Mode mode);

private:
    struct Wish {
        std::string project, participant, event;
        std::string source;
    };

    void settle(const redcap::StudyRecord& study, const std::vector<Wish>& wishes);
    void report_conflict(const StudyUid& study, const std::string& project, std::string reason);
    void check_wishes();
    void check_patients(redcap::Incoming& incoming);

    const CouplingIndex& m_coupling;
    const RoutingRules& m_rules;
    OpenDtp m_dtp;
    std::optional<RequestCheck> m_check;
    struct Wanted {
        redcap::Transfer transfer;
        std::string source;
        std::string
            patient; ///< SHA-256 of the id, to be compared; "" if there is nothing to compare
    };
    std::vector<Wanted> m_wanted;
    RoutingReport m_report;
};

} // namespace fiona::routing
