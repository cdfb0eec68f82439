// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/anonymize/explain.h"
#include "libfiona/anonymize/settings.h"
#include "libfiona/base/dates.h"
#include "libfiona/base/mode.h"

#include <filesystem>
#include <string>
#include <vector>

/// The life of a project's secret. Nothing here ever shows it: a key is told by its fingerprint, the first
/// 16 hex digits of its SHA-256.
namespace fiona::anonymize {

struct KeyState {
    enum class Kind { none, in_use, lost, changed, destroyed } kind = Kind::none;
    std::string project;
    std::string fingerprint; ///< of the key noted for the project; "" if there never was one
    std::string destroyed;   ///< when
};
[[nodiscard]] std::string_view name_of(KeyState::Kind kind);

[[nodiscard]] KeyState key_state(const ProjectFiles& files, const ProjectName& project);
/// Of every project in projects.json.
[[nodiscard]] std::vector<KeyState> key_states(const ProjectFiles& files);

/// Made before its first use. A key that is there already is no error.
KeyState create_key(const ProjectFiles& files, const ProjectName& project, Mode mode);
/// A copy in a new file of mode 0600: JSON with project, key and digest. Throws
/// Error{Fault::temporary} if a file of that name is there.
KeyState backup_key(const ProjectFiles& files, const ProjectName& project,
                    const std::filesystem::path& copy, Mode mode);
/// From a backup. Throws Error{Fault::config} for the backup of another project or of another key.
KeyState restore_key(const ProjectFiles& files, const ProjectName& project,
                     const std::filesystem::path& copy, Mode mode);
/// Without it nobody can compute the project's pseudonyms again, so nothing more is made for the
/// project. Copies made elsewhere are the caller's to destroy.
KeyState destroy_key(const ProjectFiles& files, const ProjectName& project, TimePoint now,
                     Mode mode);

/// What a person asked for.
struct KeyCommand {
    enum class Action { show, create, backup, restore, destroy } action = Action::show;
    std::string project;        ///< "" with show: all
    std::filesystem::path copy; ///< of backup and restore
    std::string confirmed;      ///< of destroy: the project's name once more
};
/// Throws Error{Fault::usage} if destroy is not confirmed.
std::vector<KeyState> run(const KeyCommand& command, const ProjectFiles& files, TimePoint now,
                          Mode mode);
[[nodiscard]] Shown shown_keys(const std::vector<KeyState>& states);

} // namespace fiona::anonymize
