// SPDX-License-Identifier: MIT
#include "libfiona/ingest/own_objects.h"

#include "libfiona/base/error.h"
#include "libfiona/base/text.h"
#include "libfiona/store/study_tree.h"

#include <sys/stat.h>

#include <algorithm>
#include <optional>
#include <set>

namespace fiona::ingest {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view study_prefix = "scp_";

void append_files(Files& files, const fs::path& directory)
{
    std::error_code problem; // a file that vanishes meanwhile is no file
    for (const auto& entry : fs::recursive_directory_iterator{directory}) {
        if (entry.is_regular_file(problem)) {
            files.push_back(entry.path());
        }
    }
}

Files in_order(Files files, std::string_view what)
{
    if (files.empty()) {
        throw Error{Fault::missing, "{}", what};
    }
    std::ranges::sort(files, {}, [](const fs::path& file) { return file.native(); });
    return files;
}

/// Whether no readable JSON of the study says another id. A study that has none is as its link says.
bool may_be_of(const store::StudyTree& tree, const StudyUid& study, const std::string& patient_id)
{
    bool is_other = false;
    for (const auto& series : tree.series(study)) {
        if (series.properties) {
            if (series.properties->text("PatientID") == patient_id) {
                return true;
            }
            is_other = true;
        }
    }
    return !is_other;
}

bool is_of(const store::StudyTree& tree, const StudyUid& study, const std::string& patient_id)
{
    return std::ranges::any_of(tree.series(study), [&](const auto& series) {
        return series.properties && series.properties->text("PatientID") == patient_id;
    });
}

std::set<StudyUid> linked_studies(const Config& config, const store::StudyTree& tree,
                                  const std::string& patient_id)
{
    std::set<StudyUid> studies;
    std::error_code absent;
    const auto directory = config.paths.participants() / percent_encoded(patient_id);
    for (const auto& link : fs::directory_iterator{directory, absent}) {
        std::error_code no_link;
        const auto name = fs::read_symlink(link.path(), no_link).filename().native();
        if (!no_link && is_uid(name) && tree.has_study(StudyUid{name})
            && may_be_of(tree, StudyUid{name}, patient_id)) {
            studies.insert(StudyUid{name});
        }
    }
    return studies;
}

std::optional<TimePoint> newest_file(const fs::path& directory)
{
    std::optional<TimePoint> newest;
    for (const auto& entry : fs::directory_iterator{directory}) {
        struct stat status {};
        if (::stat(entry.path().c_str(), &status) == 0 && S_ISREG(status.st_mode)) {
            const auto changed = Clock::from_time_t(status.st_mtim.tv_sec);
            newest = std::max(newest.value_or(changed), changed);
        }
    }
    return newest;
}

} // namespace

Files files_below(const fs::path& path)
{
    Files files;
    std::error_code problem;
    if (fs::is_regular_file(path, problem)) {
        files.push_back(path);
    } else if (fs::is_directory(path, problem)) {
        append_files(files, path);
    }
    return in_order(std::move(files), "no files there");
}

Files files_of_patient(const Config& config, const Private<std::string>& patient_id)
{
    const store::StudyTree tree{config.paths};
    const auto& id = patient_id.reveal();
    auto studies = linked_studies(config, tree, id);
    if (studies.empty()) {
        for (const auto& study : tree.studies()) {
            if (is_of(tree, study, id)) {
                studies.insert(study);
            }
        }
    }
    Files files;
    for (const auto& study : studies) {
        const auto directory = config.paths.archive() / (std::string{study_prefix} + study.str());
        if (fs::is_directory(directory)) {
            append_files(files, directory);
        }
    }
    return in_order(std::move(files), "no such directory, and no archived study of such a patient");
}

Files recent_files(const Config& config, TimePoint now, std::chrono::hours age)
{
    Files files;
    for (const auto& entry : fs::directory_iterator{config.paths.archive()}) {
        const auto name = entry.path().filename().native();
        if (!name.starts_with(study_prefix) || !entry.is_directory()) {
            continue;
        }
        if (const auto newest = newest_file(entry.path()); newest && *newest >= now - age) {
            append_files(files, entry.path());
        }
    }
    return in_order(std::move(files), "no study is so young");
}

} // namespace fiona::ingest
