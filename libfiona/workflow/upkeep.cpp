// SPDX-License-Identifier: MIT
#include "libfiona/workflow/upkeep.h"

#include "libfiona/base/error.h"
#include "libfiona/base/file_lock.h"
#include "libfiona/base/log.h"
#include "libfiona/jobs/ror_folder.h"
#include "libfiona/store/folder.h"
#include "libfiona/workflow/start.h"

#include <filesystem>
#include <system_error>

namespace fiona::workflow {

namespace fs = std::filesystem;

namespace {

enum class Rest { removed, refused, in_use };

/// The program ended well, and the job did not: its results are nowhere else.
bool was_refused(const jobs::JobRecords& records, const jobs::JobRecord& record)
{
    if (record.state != jobs::JobState::failed) {
        return false;
    }
    const auto ended = records.exit_of(record);
    return ended && ended->code == 0 && ended->stopped.empty();
}

void remove_folders(const jobs::JobSettings& settings, const jobs::JobRecord& record)
{
    const auto name = record.folder.filename().native();
    if (!name.starts_with("datajob_") || !name.ends_with("_" + record.id)) {
        throw Error{Fault::data, "its folder has a name that this tool does not give"};
    }
    std::error_code problem;
    if (!fs::exists(record.folder.parent_path(), problem)) {
        if (problem) {
            throw os_error(problem.value(), "look at its folder");
        }
        return; // with all that was in it
    }
    if (!is_inside(settings, record.folder.parent_path())) {
        throw Error{Fault::data, "its folder lies outside of the site's folders (JOBS.roots)"};
    }
    store::remove_tree(fetched_of(record.folder));
    store::remove_tree(jobs::output_of(record.folder));
    store::remove_tree(record.folder);
}

Rest tidy(const jobs::JobSettings& settings, const jobs::JobRecords& records, const std::string& id)
{
    const FileLock lock{records.run_lock(id)};
    const auto record = records.load(id);
    if (record.state != jobs::JobState::done && record.state != jobs::JobState::failed) {
        return Rest::in_use;
    }
    if (was_refused(records, record)) {
        return Rest::refused;
    }
    if (!record.folder.empty()) {
        remove_folders(settings, record);
    }
    records.note_tidied(id);
    log::info("job_folders_removed", {{"job", id}});
    return Rest::removed;
}

} // namespace

Upkeep remove_old_folders(const jobs::JobSettings& settings, const jobs::JobRecords& records,
                          TimePoint now)
{
    constexpr std::size_t most = 20; // of one run, which others wait for
    Upkeep result;
    for (const auto& id : records.with_folders(now - settings.keep)) {
        if (result.removed == most) {
            break;
        }
        try {
            const auto rest = tidy(settings, records, id);
            result.removed += rest == Rest::removed ? 1U : 0U;
            result.kept += rest == Rest::refused ? 1U : 0U;
        } catch (const Error& e) {
            if (e.fault() != Fault::temporary) { // or somebody holds its lock
                log::warn("job_folders_kept", {{"job", id}, {"reason", e.what()}});
            }
        } catch (const std::system_error& e) { // of our own notes
            log::warn("job_folders_kept", {{"job", id}, {"reason", e.code().message()}});
        }
    }
    return result;
}

} // namespace fiona::workflow
