// SPDX-License-Identifier: MIT
#include "libfiona/cleanup/old_studies.h"

#include "libfiona/store/arrival_marks.h"

#include <algorithm>
#include <filesystem>
#include <string>
#include <string_view>
#include <tuple>

namespace fiona::cleanup {

namespace {

constexpr std::string_view study_prefix = "scp_";

/// The SOP instance UID in `<MOD>.<SOPUID>`; the whole name if it is none of ours.
std::string object_of(const std::string& file)
{
    const auto dot = file.find('.');
    auto uid = dot == std::string::npos ? std::string{} : file.substr(dot + 1);
    return is_uid(uid) ? uid : file;
}

} // namespace

OldStudy look_at(const StudyUid& study, const store::Folder& folder)
{
    OldStudy found{study, {}, store::modification_time(folder.status())};
    for (const auto& entry : folder.entries()) {
        if (const auto status = folder.look(entry.name)) {
            found.newest = std::max(found.newest, store::modification_time(*status));
            found.amount.add(*status);
        }
    }
    return found;
}

ArchiveList list_archive(const Paths& paths)
{
    ArchiveList list;
    const store::Folder archive{paths.archive(), "the archive"};
    for (const auto& entry : archive.entries()) {
        const auto is_prefixed = entry.name.starts_with(study_prefix);
        auto uid = is_prefixed ? entry.name.substr(study_prefix.size()) : std::string{};
        if (!is_uid(uid) || entry.kind != store::Folder::Kind::directory) {
            list.strangers += entry.name.front() == '.' ? 0U : 1U;
            continue;
        }
        if (const auto folder = archive.descend(entry.name)) {
            list.studies.push_back(look_at(StudyUid{std::move(uid)}, *folder));
        }
    }
    std::ranges::sort(list.studies, {},
                      [](const OldStudy& study) { return std::tie(study.newest, study.study); });
    return list;
}

std::optional<std::set<SeriesUid>> sorted_series(const Paths& paths, const StudyUid& study)
{
    std::set<std::string> objects;
    {
        const store::Folder archive{paths.archive(), "the archive"};
        const auto folder = archive.descend(std::string{study_prefix} + study.str());
        for (const auto& entry : folder ? folder->entries() : std::vector<store::Folder::Entry>{}) {
            objects.insert(object_of(entry.name));
        }
    }
    std::set<SeriesUid> series;
    const store::Folder raw{paths.raw(), "the sorted studies"};
    const auto sorted = raw.descend(study.str());
    for (const auto& entry : sorted ? sorted->entries() : std::vector<store::Folder::Entry>{}) {
        if (entry.kind != store::Folder::Kind::directory || !is_uid(entry.name)) {
            continue;
        }
        series.emplace(entry.name);
        const auto folder = sorted->descend(entry.name);
        for (const auto& link : folder ? folder->entries() : std::vector<store::Folder::Entry>{}) {
            // By the link's own name; else it says itself which file it means.
            if (objects.erase(link.name) == 0 && !objects.empty()) {
                const std::filesystem::path target{folder->target(link.name)};
                objects.erase(object_of(target.filename().native()));
            }
        }
    }
    return objects.empty() ? std::optional{std::move(series)} : std::nullopt;
}

} // namespace fiona::cleanup
