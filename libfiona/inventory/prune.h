// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/config.h"
#include "libfiona/base/dates.h"
#include "libfiona/base/mode.h"
#include "libfiona/inventory/settings.h"
#include "libfiona/pacs/query.h"
#include "libfiona/redcap/client.h"

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace fiona::inventory {

struct PruneOrder {
    Mode mode = Mode::dry_run;
    std::optional<std::size_t> max_delete{}; ///< instead of both limits of the settings
    std::filesystem::path memory{};          ///< the file of PruneMemory
    TimePoint now{};                         ///< the time of this run
};

struct PruneReport {
    std::size_t rows = 0;             ///< of WhatIsInIDS7
    std::size_t present = 0;          ///< the PACS has them
    std::size_t waiting = 0;          ///< missing, but not yet for long enough
    std::size_t unknown = 0;          ///< the PACS gave no answer that counts
    std::size_t refused = 0;          ///< record ids that are no UID; left alone
    std::vector<std::string> deleted; ///< with Mode::dry_run: would be
    std::size_t queries = 0;
};

/// Deletes the rows of WhatIsInIDS7 whose study is no longer in the PACS. A study is missing only if
/// a query for it alone ends with success and no answer; it is deleted when that was so in an
/// earlier run too, at least Settings::confirm_after ago. What is to be deleted is counted before
/// anything is. With Mode::dry_run nothing is deleted or remembered.
///
/// Throws Error: Fault::data, before anything is deleted, if more would go than allowed; what the
/// client and the session throw.
[[nodiscard]] PruneReport prune(redcap::Client& client, pacs::QuerySession& session,
                                const Settings& settings, const PruneOrder& order);

} // namespace fiona::inventory
