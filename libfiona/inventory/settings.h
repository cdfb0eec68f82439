// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/config.h"

#include <chrono>
#include <cstddef>

/// What the research PACS holds, and what REDCap's project WhatIsInIDS7 says of it.
namespace fiona::inventory {

/// INVENTORY of config.json.
struct Settings {
    /// Where the PACS is known to cut its answers without a word; 0: it does not.
    std::size_t max_answers = 0;
    /// A study is gone only if it was not there in two runs so far apart.
    std::chrono::hours confirm_after{12};
    /// More than the smaller of the two are not deleted in one run.
    std::size_t max_delete = 100;
    double max_delete_percent = 5;
};

/// Throws Error{Fault::config}: a value of the wrong kind.
[[nodiscard]] Settings read_settings(const Config& config);

} // namespace fiona::inventory
