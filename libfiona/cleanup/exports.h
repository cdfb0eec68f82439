// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/dates.h"
#include "libfiona/base/error.h"
#include "libfiona/base/mode.h"
#include "libfiona/store/disk_space.h"
#include "libfiona/store/folder.h"

#include <chrono>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace fiona::cleanup {

struct ClearExportsOrder {
    Mode mode = Mode::dry_run;
    TimePoint now{};
    unsigned max_used = 90;             ///< percent of the disk, as df(1) says it: the goal
    std::chrono::minutes tmp_age{1000}; ///< of the newest file anywhere in a working directory
    std::chrono::hours keep_encrypted{7 * 24}; ///< a password package whose zip has gone
    std::chrono::minutes min_age{60};          ///< nothing younger goes: it may be being fetched
};

/// Checksums without a package and files that were never finished go after this.
inline constexpr std::chrono::hours keep_remains{24};

struct ClearExportsReport {
    struct Gone {
        enum class Kind { work, package, encrypted, remains } kind = Kind::package;
        std::string name; ///< of the first file, or directory: may hold a participant's id
        store::Amount amount;
        std::chrono::hours age{0};
    };
    unsigned used_before = 0;  ///< percent of the disk
    unsigned used_after = 0;   ///< likewise; with Mode::dry_run: would be
    std::vector<Gone> removed; ///< with Mode::dry_run: would be
    store::Amount freed;
    std::size_t packages = 0;       ///< finished ones that stay
    std::size_t in_work = 0;        ///< working directories that stay
    std::size_t failed = 0;         ///< could not be removed; the reason is in the log
    std::optional<Error> trouble{}; ///< the last one's
    bool is_goal_reached = true;
};
[[nodiscard]] std::string_view kind_name(ClearExportsReport::Gone::Kind kind);

/// Clears `<base>/tmp_*` of exports that died, then, while too much of the disk is used, the oldest
/// packages of `<base>/files`, each whole: `B.zip`, `B.md5`, `B_encrypted.7z`.
///
/// tmp_X  .trash/tmp_X
///   +         -        in work; its owner holds the flock(2) on tmp_X/.lock, if he makes one
///   -         +        given up; emptied now, or by the next run
///   -         -        gone
///
/// Of a package the zip goes last: killed in between, the rest goes with it next time.
///
/// Throws before anything is removed if the disk or a directory cannot be read; a `base` without `files`
/// has no packages; one that is missing, in a directory that is there, was never needed.
[[nodiscard]] ClearExportsReport clear_exports(const std::filesystem::path& base,
                                               const ClearExportsOrder& order,
                                               const std::function<store::DiskSpace()>& disk);

} // namespace fiona::cleanup
