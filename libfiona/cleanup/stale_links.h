// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/config.h"
#include "libfiona/base/dates.h"
#include "libfiona/base/mode.h"
#include "libfiona/store/folder.h"

#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

namespace fiona::cleanup {

struct StaleLinkOrder {
    Mode mode = Mode::dry_run;
    TimePoint now{};
    std::chrono::minutes min_age{60}; ///< nothing younger goes: the file processor may be at it
    double max_fraction = 0.2;        ///< of all links: if more lead nowhere, a disk is away
    enum class Guard { on, off } guard = Guard::on; ///< off: a person says that it is so
};

/// Of one of raw/, participants/ and srs/.
struct TreeReport {
    std::string tree;
    std::size_t links = 0;
    std::size_t stale = 0;   ///< lead nowhere
    std::size_t young = 0;   ///< of those, links too young to go
    std::size_t unknown = 0; ///< nobody can say where they lead, or directories that stay closed
    store::Amount removed;   ///< links; with Mode::dry_run: would be, as the next three
    std::size_t directories = 0;  ///< empty ones
    std::size_t descriptions = 0; ///< series JSONs without a series
    std::size_t remains = 0;      ///< of writers that died

    TreeReport& operator+=(const TreeReport& other);
};

struct StaleLinkReport {
    std::vector<TreeReport> trees; ///< raw, participants, srs
    bool is_refused = false;       ///< by the guard: nothing was changed

    [[nodiscard]] TreeReport sum() const;
};

/// More stale links than this, and more than the fraction, and the guard refuses.
inline constexpr std::size_t links_without_guard = 1000;

/// Removes links that lead nowhere, in the order raw, participants, srs (the later lead into the first),
/// directories that are empty, and series JSONs whose series is gone; never a base, and never one of
/// the studies' other files. All is counted first. A base that is missing is made.
///
/// The walk that removes takes no more links than were counted; what is more waits for the next run.
///
/// Throws Error{Fault::missing} if the archive is away or empty, or goes away meanwhile
/// (archive_guard.h).
[[nodiscard]] StaleLinkReport clear_stale_links(const Paths& paths, const StaleLinkOrder& order);

} // namespace fiona::cleanup
