// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/config.h"
#include "libfiona/base/error.h"
#include "libfiona/base/ids.h"
#include "libfiona/cleanup/study_links.h"
#include "libfiona/store/folder.h"

#include <functional>
#include <optional>
#include <set>
#include <string>

namespace fiona::cleanup {

/// Takes whole studies off a site, each by renames into a trash on its own file system.
///
/// U is the study, T its name in a trash, `<StudyUID>.<pid>`.
///
/// archive/scp_U  archive/.trash/T  raw/U  raw/.trash/T  links
///       +               -            +         -          +    stored
///       -               +            +         -          +    given up: the links lead nowhere. Only after
///                                                              nobody had the study in his hands
///       -               +            -         +          *    the links of participants/ and srs/ go next
///       -               *            -         *          -    the trash is emptied
///       -               -            -         -          -    gone
///       +               +            *         *          *    killed before, and the study has been
///                                                              received again since: raw/U stays as it is
///
/// The next run finishes whatever is in a trash before it takes anything else. A link in raw/.trash that
/// leads to an object (received again since) is put back, not removed.
///
/// Who stores objects holds a shared flock(2) on `archive/scp_U` from before he looks for a file until the
/// object is announced (pacs/receiver_archive.h); here it is taken exclusively for the last look and the
/// rename, so that no object can follow a study into the trash.
class StudyRemoval {
public:
    explicit StudyRemoval(const Paths& paths);

    /// Finishes what an earlier run left. One that cannot be finished does not stop the others.
    struct Finished {
        std::set<StudyUid> studies;
        store::Amount amount;
        std::size_t failed = 0;
        std::optional<Error> trouble{}; ///< the last one's
    };
    // NOLINTNEXTLINE(modernize-use-nodiscard) called for its effect
    Finished finish_leftovers();

    enum class Taken {
        yes,  ///< it is in the trash: finish() next
        busy, ///< somebody stores objects of it, or it is not there
        kept  ///< by `last_look`
    };
    /// `last_look` is called with archive/scp_U when nobody can add an object any more; false keeps it.
    [[nodiscard]] Taken take(const StudyUid& study,
                             const std::function<bool(const store::Folder&)>& last_look) const;
    /// Returns how many links of participants/ and srs/ went.
    // NOLINTNEXTLINE(modernize-use-nodiscard) called for its effect
    std::size_t finish(const StudyUid& study);

    [[nodiscard]] StudyLinks& links() { return m_links; }

private:
    std::size_t unlink_study(const StudyUid& study, const std::string& trash_name);
    // NOLINTNEXTLINE(modernize-use-nodiscard) called for its effect
    store::Amount empty_trash(const StudyUid& study, const std::string& trash_name) const;
    void rescue_living_links(const store::Folder& trash, const std::string& name,
                             const StudyUid& study) const;

    const Paths& m_paths;
    StudyLinks m_links;
};

/// In archive/ and raw/.
inline constexpr const char* trash_folder = ".trash";

} // namespace fiona::cleanup
