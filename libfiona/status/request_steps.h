// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/config.h"
#include "libfiona/redcap/incoming.h"
#include "libfiona/status/step.h"

#include <filesystem>
#include <string>
#include <vector>

namespace fiona::status {

/// Where the request files of one study are: waiting, in work, postponed, sent but not reported, done,
/// given up (states of store/requests.h). One step per instance and place; empty if there is none.
/// `instance` 0 is every instance.
[[nodiscard]] std::vector<Step> request_steps(const Paths& paths, const StudyUid& study,
                                              unsigned instance);

/// Why a request was given up, by the messages beside `<failed>/X_fail.log`.
struct Failure {
    std::string reason;
    bool is_dropped = false; ///< by a person, who needs to hear no more of it
};
[[nodiscard]] Failure failure_in(const std::filesystem::path& failed_request);

} // namespace fiona::status
