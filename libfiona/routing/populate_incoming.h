// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/config.h"
#include "libfiona/base/dates.h"
#include "libfiona/base/mode.h"
#include "libfiona/redcap/client.h"
#include "libfiona/redcap/incoming.h"
#include "libfiona/routing/router.h"

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace fiona::routing {

/// The REDCap projects that are used; borrowed. Without coupling list or rules nothing is requested.
struct PopulateProjects {
    redcap::Client& incoming;
    redcap::Client* coupling = nullptr;
    redcap::Client* routing = nullptr;
    Router::OpenDtp dtp{}; ///< with one of the two
    /// Whether we have made that study, whose UID begins as ours do (2.25.), by de-identification.
    std::function<bool(const StudyUid&)> has_made{};
};

struct PopulateReport {
    std::size_t studies = 0;      ///< in raw/, without the de-identified ones
    std::size_t waiting = 0;      ///< something of them arrived less than TimingConfig::settle ago
    std::size_t deidentified = 0; ///< came back from research: not for INCOMING
    std::size_t unchanged = 0;
    std::vector<StudyUid> written;
    std::size_t series_rows = 0;
    std::vector<redcap::Recorded::Refusal> refused; ///< each tried again after an hour, or a change
    std::size_t unreadable_series = 0;
    std::vector<RoutingReport::Request> requested;
    std::vector<RoutingReport::Conflict> conflicts; ///< likewise tried again after an hour
    std::size_t old_conflicts = 0;                  ///< studies with one reported within the hour
    std::vector<RoutingRules::Disabled> disabled_rules;
};

/// Records every settled study of raw/ in INCOMING: the study and its series, new or changed. Then
/// requests it where coupling list or routing rules say what it is for: rules are asked when something
/// of the study is new, the list also when it has changed itself. A study that did not change since the
/// last run costs one stat(2) and no call.
///
/// `rules_again_for`: routing rules with this destination, and no others, are asked for every study, as
/// a new rule for studies of yesterday needs it.
///
/// Throws what redcap::Client throws; what was recorded until then is remembered. If rules or list cannot
/// be read the studies are recorded all the same, and that Error comes last. With Mode::dry_run REDCap is
/// read, and nothing is written anywhere.
[[nodiscard]] PopulateReport
populate_incoming(const PopulateProjects& projects, const Config& config, TimePoint now, Mode mode,
                  const std::optional<std::string>& rules_again_for = {});

} // namespace fiona::routing
