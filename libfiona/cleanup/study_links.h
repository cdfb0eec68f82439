// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/config.h"
#include "libfiona/base/ids.h"
#include "libfiona/store/folder.h"

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace fiona::cleanup {

/// The links to studies in participants/ and srs/. participants/ is listed once, when it is first
/// needed: one look for a whole run, and it finds the links of every patient id a study came under.
class StudyLinks {
public:
    explicit StudyLinks(const Paths& paths);

    /// How many links lead to the study.
    [[nodiscard]] std::size_t count(const StudyUid& study);
    /// Removes them, and the directories of participants and manufacturers that are empty then; never
    /// the two bases. Returns how many links went.
    // NOLINTNEXTLINE(modernize-use-nodiscard) called for its effect
    std::size_t remove(const StudyUid& study);

private:
    struct Place {
        std::string directory; ///< the participant's: private
        std::string name;
    };
    void read_participants();
    void read_participant(const store::Folder& participants, const std::string& name);

    const Paths& m_paths;
    std::optional<std::multimap<StudyUid, Place>> m_places;
};

/// The study that a link of participants/ leads to, by its text `<raw>/<StudyUID>`; nothing if it leads
/// elsewhere.
[[nodiscard]] std::optional<StudyUid> study_of_link(const std::string& target);

} // namespace fiona::cleanup
