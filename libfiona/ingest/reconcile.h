// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/config.h"
#include "libfiona/base/dates.h"
#include "libfiona/base/mode.h"
#include "libfiona/ingest/attempts.h"

#include <cstddef>
#include <functional>

namespace fiona::ingest {

/// Which archive directories are looked at.
enum class Scope {
    changed, ///< those changed since the last complete look (`.spool/reconciled`, epoch seconds)
    all,     ///< every one; entries that were given up are tried again too
};

struct Reconciled {
    std::size_t queued = 0;  ///< archive files without a link, announced again
    std::size_t retried = 0; ///< moved from failed/ back to new/
    std::size_t unreadable =
        0; ///< archive files that are no DICOM objects, studies that no one can list
    std::size_t parts_removed = 0; ///< `.incoming/*.part` of dead receivers
};

/// What a processor knows that reconciles while it runs; all of it may be missing.
struct Processing {
    Attempts* attempts = nullptr; ///< borrowed; a file that ended its reader too often is left out
    /// Asked before each directory: hundreds of thousands take longer than a daemon may to end. What was
    /// not looked at then is next time.
    std::function<bool()> stop{};
};

/// Announces what a crash has lost between receiver and processor. To be called when the spool is
/// drained; announcing a file twice is harmless.
Reconciled reconcile(const Config& config, TimePoint now, Scope scope, Mode mode,
                     const Processing& processing = {});

} // namespace fiona::ingest
