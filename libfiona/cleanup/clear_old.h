// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/config.h"
#include "libfiona/base/dates.h"
#include "libfiona/base/error.h"
#include "libfiona/base/mode.h"
#include "libfiona/cleanup/old_studies.h"
#include "libfiona/cleanup/protection.h"
#include "libfiona/redcap/client.h"
#include "libfiona/store/disk_space.h"

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace fiona::cleanup {

struct ClearOldOrder {
    Mode mode = Mode::dry_run;
    TimePoint now{};
    unsigned max_used = 80;       ///< percent of the disk, as df(1) says it: the goal
    unsigned emergency_used = 97; ///< above it a study may be younger
    std::chrono::hours min_age{24};
    std::optional<std::size_t> max_delete{};      ///< studies of one run
    std::optional<std::chrono::hours> sent_age{}; ///< see Assignments
};

/// No study with objects younger than this ever goes, however full the disk is: longer than any tool
/// may work on one (two hours).
inline constexpr std::chrono::hours emergency_min_age{6};

/// What the run asks, besides the site's files.
struct ClearOldSources {
    std::function<store::DiskSpace()> disk; ///< of the archive, asked before each study
    std::function<std::unique_ptr<redcap::Client>()> incoming; ///< only if something is to go
    std::function<void()> progress = [] {};                    ///< called for each study that went
};

struct ClearOldReport {
    struct Gone {
        OldStudy study;
        std::size_t links = 0;    ///< of participants/ and srs/
        unsigned used_before = 0; ///< percent
    };
    struct Kept {
        StudyUid study;
        Hold why = Hold::busy;
        std::uint64_t bytes = 0;
    };
    unsigned used_before = 0; ///< percent of the archive's disk
    unsigned used_after = 0;  ///< likewise; with Mode::dry_run: would be
    bool is_emergency = false;
    std::size_t leftovers = 0;      ///< studies that an earlier run had not finished
    store::Amount freed;            ///< objects of studies that went, leftovers with them
    std::vector<Gone> removed;      ///< with Mode::dry_run: would be
    std::vector<Kept> kept;         ///< studies that were looked at and stay
    std::size_t studies = 0;        ///< in the archive
    std::size_t strangers = 0;      ///< names in the archive that are no studies
    std::size_t failed = 0;         ///< studies that could not be removed; the reason is in the log
    std::optional<Error> trouble{}; ///< the last one's, or what ended the run before the goal
    bool is_hopeless =
        false; ///< all that may go does not free enough: something else fills the disk
    bool is_goal_reached = true;
};

/// Makes room: while more of the archive's disk is used than allowed, the oldest study that nobody wants
/// goes, whole (study_removal.h). Which studies stay: Hold. REDCap is asked twice, the second time for
/// the studies about to go, with their locks held and not from the copy; the disk is looked at again
/// with the study in our hands.
///
/// Throws before anything is removed if the disk, the archive, one of the queues or lists, or REDCap
/// cannot be read.
[[nodiscard]] ClearOldReport clear_old(const Config& config, const ClearOldOrder& order,
                                       const ClearOldSources& sources);

} // namespace fiona::cleanup
