// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/dates.h"
#include "libfiona/redcap/client.h"
#include "libfiona/redcap/outbox.h"

#include <optional>
#include <string>
#include <vector>

namespace fiona::redcap {

/// What became of one Instance.
struct EnsuredInstance {
    Row row;                            ///< as REDCap holds it; empty if it was refused
    bool created = false;               ///< by this call
    std::optional<std::string> refusal; ///< REDCap refuses it, or another instance is in its way
    std::optional<Row> obstacle;        ///< that other instance
};

enum class Refusals {
    forget,  ///< a person tries, and may have mended the cause
    remember ///< a tool comes every minute: not sent again for an hour (Outbox::quarantine)
};

/// Every one of `wanted` is in REDCap once when this returns, but for those it says are refused:
/// natural keys are looked for in a fresh export, numbers are the next free ones, an import is made
/// once and read back, and a lost answer is never taken for a failure. Journalled in `outbox`, if
/// there is one, from before the import until the read-back. Three calls for 200 records.
///
/// The caller holds the locks of all records (study_lock.h) meanwhile. The result is in the order of
/// `wanted`. Throws what the client throws; then the journal has what may be half done.
[[nodiscard]] std::vector<EnsuredInstance> ensure_instances(Client& client,
                                                            const std::vector<Instance>& wanted,
                                                            Outbox* outbox, TimePoint now,
                                                            Refusals refusals);

} // namespace fiona::redcap
