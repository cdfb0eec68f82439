// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/config.h"
#include "libfiona/redcap/incoming.h"
#include "libfiona/status/step.h"

#include <vector>

namespace fiona::status {

/// Where the request files of one study are: waiting, in work, postponed, sent but not reported, done,
/// given up (states of store/requests.h). One step per instance and place; empty if there is none.
/// `instance` 0 is every instance.
[[nodiscard]] std::vector<Step> request_steps(const Paths& paths, const StudyUid& study,
                                              unsigned instance);

} // namespace fiona::status
