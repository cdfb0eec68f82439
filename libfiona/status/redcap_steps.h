// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/config.h"
#include "libfiona/redcap/incoming.h"
#include "libfiona/status/step.h"

#include <functional>
#include <memory>
#include <vector>

namespace fiona::status {

/// Opens INCOMING, or throws what redcap::connect() throws.
using OpenIncoming = std::function<std::unique_ptr<redcap::Client>()>;

/// What INCOMING says of one study.
struct Recorded {
    std::vector<Step> steps; ///< "recorded", then "assigned" or one step per transfer
    std::vector<redcap::Transfer> transfers;
    bool is_reachable = true; ///< false: the one step says why
};

[[nodiscard]] Recorded redcap_steps(const Paths& paths, const StudyUid& study,
                                    const OpenIncoming& open);

} // namespace fiona::status
