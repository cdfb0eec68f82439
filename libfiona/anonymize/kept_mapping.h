// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/ids.h"

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// What undoes the UIDs of studies that were sent: `<keys>/mapping/<project>/<new StudyInstanceUID>.json`,
/// mode 0600 in directories of mode 0700. Identifying, so it lies with the keys and goes with the
/// project's key when that is destroyed.
///
/// file  study
///  -     never sent to the project, or its key was destroyed
///  +     being sent, or sent: written before the first image leaves; a study that is sent again adds to it
namespace fiona::anonymize {

/// Where a de-identified study comes from.
struct Origin {
    std::string project;
    StudyUid study;
    std::map<std::string, std::string, std::less<>> originals; ///< by new UID, of any kind
};

class KeptMappings {
public:
    /// `keys`: the directory of the keys.
    explicit KeptMappings(const std::filesystem::path& keys);

    /// Adds what write_mapping() has written to what is there of each of its studies. Throws
    /// Error{Fault::internal} if the mapping says something else of a UID than before.
    void keep(const ProjectName& project, std::string_view mapping) const;
    /// Throws Error{Fault::data} if its file is damaged.
    [[nodiscard]] std::optional<Origin> find(const StudyUid& new_study) const;
    /// Of one project only.
    [[nodiscard]] std::optional<Origin> find(const std::string& project,
                                             const StudyUid& new_study) const;
    [[nodiscard]] bool has_any(const ProjectName& project) const;
    /// Whether find() would find something, without reading it.
    [[nodiscard]] bool has(const StudyUid& new_study) const;
    /// All of a project.
    void destroy(const ProjectName& project) const;

private:
    [[nodiscard]] std::vector<std::filesystem::path> projects() const;

    std::filesystem::path m_root;
};

} // namespace fiona::anonymize
