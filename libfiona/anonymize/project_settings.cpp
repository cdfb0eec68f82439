// SPDX-License-Identifier: MIT
#include "libfiona/anonymize/project_file.h"
#include "libfiona/anonymize/settings.h"
#include "libfiona/base/file_lock.h"
#include "libfiona/base/files.h"

namespace fiona::anonymize {

namespace fs = std::filesystem;

Settings project_settings(const ProjectFiles& files, const ProjectName& project,
                          const ParticipantId& participant, const std::optional<EventName>& event)
{
    make_directories(files.projects.parent_path());
    // Workers of several requests start at once: only one of them makes the key.
    const FileLock lock{lock_of(files), std::chrono::seconds{30}};
    ProjectFile file{files, project.str()};
    Settings settings{.project = project, .participant = participant, .event = event};
    settings.scheme = file.scheme();
    settings.date_shift = file.date_shift();
    settings.private_lists = file.private_lists();
    settings.documents = file.documents();
    if (settings.scheme == UidScheme::hmac
        || settings.date_shift.kind == DateShift::Kind::subject) {
        settings.key_file = file.key();
    }
    return settings;
}

Settings project_settings(const Config& config, const ProjectName& project,
                          const ParticipantId& participant, const std::optional<EventName>& event)
{
    auto settings = project_settings(ProjectFiles{config.deidentify.projects, config.paths.keys()},
                                     project, participant, event);
    std::error_code problem;
    if (fs::exists(config.deidentify.profile, problem)) {
        settings.profiles = {config.deidentify.profile};
    }
    if (fs::exists(config.deidentify.safe_private, problem)) {
        settings.safe_private = config.deidentify.safe_private;
    }
    return settings;
}

} // namespace fiona::anonymize
