// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/config.h"
#include "libfiona/base/dates.h"
#include "libfiona/base/ids.h"
#include "libfiona/store/folder.h"

#include <cstddef>
#include <optional>
#include <set>
#include <vector>

namespace fiona::cleanup {

/// A study in the archive.
struct OldStudy {
    StudyUid study;
    store::Amount amount; ///< its objects
    TimePoint newest;     ///< of the directory and of all in it

    friend bool operator==(const OldStudy& left, const OldStudy& right)
    {
        return left.study == right.study && left.amount.files == right.amount.files
               && left.amount.bytes == right.amount.bytes && left.newest == right.newest;
    }
};

struct ArchiveList {
    std::vector<OldStudy> studies; ///< oldest first, ties by UID
    std::size_t strangers = 0;     ///< names that are no studies of ours: never touched
};
[[nodiscard]] ArchiveList list_archive(const Paths& paths);

/// The directory `archive/scp_<study>` as it is now.
[[nodiscard]] OldStudy look_at(const StudyUid& study, const store::Folder& folder);

/// The series of a study in raw/; nothing if an object of it has no link there: it was received, but
/// nobody has seen it.
[[nodiscard]] std::optional<std::set<SeriesUid>> sorted_series(const Paths& paths,
                                                               const StudyUid& study);

} // namespace fiona::cleanup
