// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/config.h"
#include "libfiona/base/dates.h"
#include "libfiona/base/error.h"
#include "libfiona/base/mode.h"
#include "libfiona/redcap/client.h"
#include "libfiona/transfer/outcome.h"

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

/// One run over the requests that wait. Several runs may work side by side.
namespace fiona::transfer {

struct Order {
    std::vector<std::string> only; ///< file names; empty: all that wait. Named ones need not wait
                                   ///< for their next try
    std::optional<std::chrono::seconds> max_runtime; ///< after it nothing more is claimed
    Mode mode = Mode::apply;
};

/// The world of a run; a test puts its own in place.
struct Surroundings {
    const Config& config;
    std::function<std::shared_ptr<redcap::Client>(redcap::Role)> connect;
    std::function<TimePoint()> now;
};

/// One request of the run.
struct Item {
    std::string study; ///< tag
    std::string project, participant;
    std::string state;  ///< sent, failed, postponed, unreported, planned
    std::string reason; ///< for people; empty if all is well
    Counts counts;
    double seconds = 0;
};

struct RunReport {
    std::vector<Item> items;
    std::optional<Error> problem; ///< the gravest; nothing if every request went its way
};

/// 1. takes over what dead workers left; 2. tells REDCap what is known already; 3. only if the
/// research PACS answers and DataTransferProjects can be read: claims in fair_order(), and carries
/// out. A request's failure never stops the next one. With Mode::dry_run nothing is claimed, sent,
/// told or written: items say what would be sent, held and skipped.
[[nodiscard]] RunReport run(const Surroundings& surroundings, const Order& order);

} // namespace fiona::transfer
