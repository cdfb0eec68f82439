// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/config.h"
#include "libfiona/base/ids.h"
#include "libfiona/base/json.h"
#include "libfiona/status/redcap_steps.h"
#include "libfiona/status/step.h"

#include <string>
#include <vector>

namespace fiona::status {

/// Where one study is, since when, what blocks it and what happens next.
struct Whereabouts {
    StudyUid study;
    std::vector<Step> steps; ///< in the order of the road
    bool redcap_reachable = true;
    std::string verdict; ///< one sentence
    std::string next;    ///< "" if nothing is left to do
};

/// Reads the disk always; REDCap through `open`, and does without if it throws.
[[nodiscard]] Whereabouts whereabouts(const Config& config, const StudyUid& study,
                                      const OpenIncoming& open, TimePoint now);

[[nodiscard]] json::Value as_json(const Whereabouts& found);
/// state, step, since, detail.
[[nodiscard]] std::vector<std::vector<std::string>> as_rows(const Whereabouts& found);

} // namespace fiona::status
