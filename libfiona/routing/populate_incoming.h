// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/config.h"
#include "libfiona/base/dates.h"
#include "libfiona/base/mode.h"
#include "libfiona/redcap/client.h"
#include "libfiona/redcap/incoming.h"

#include <cstddef>
#include <string>
#include <vector>

namespace fiona::routing {

struct PopulateReport {
    std::size_t studies = 0;      ///< in raw/, without the de-identified ones
    std::size_t waiting = 0;      ///< something of them arrived less than TimingConfig::settle ago
    std::size_t deidentified = 0; ///< came back from research: not for INCOMING
    std::size_t unchanged = 0;
    std::vector<StudyUid> written;
    std::size_t series_rows = 0;
    std::vector<redcap::Recorded::Refusal> refused; ///< each tried again after an hour, or a change
    std::size_t unreadable_series = 0;
};

/// Records every settled study of raw/ in INCOMING: the study and its series, new or changed. One
/// pass per study; a study that did not change since the last run costs one stat(2) and no call.
///
/// Throws what redcap::Client throws; what was recorded until then is remembered. With
/// Mode::dry_run REDCap is read, and nothing is written anywhere.
[[nodiscard]] PopulateReport populate_incoming(redcap::Client& client, const Config& config,
                                               TimePoint now, Mode mode);

} // namespace fiona::routing
