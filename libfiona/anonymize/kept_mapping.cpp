// SPDX-License-Identifier: MIT
#include "libfiona/anonymize/kept_mapping.h"

#include "libfiona/base/error.h"
#include "libfiona/base/file_lock.h"
#include "libfiona/base/files.h"
#include "libfiona/base/json.h"
#include "libfiona/base/text.h"
#include "libfiona/store/atomic_file.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <system_error>

namespace fiona::anonymize {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t max_bytes = std::size_t{256} << 20U; // a million images

void make_private(const fs::path& directory)
{
    if (::mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST) {
        throw os_error(errno, "make the directory of mappings");
    }
}

std::optional<Origin> read(const fs::path& file)
{
    const auto text = read_file_if_any(file, max_bytes);
    if (!text) {
        return std::nullopt;
    }
    const auto document = json::parse(*text, "a kept mapping", {max_bytes, 8});
    const auto* const uids = document.find("uids");
    if (uids == nullptr || !uids->is_object()) {
        throw Error{Fault::data, "a kept mapping is damaged"};
    }
    Origin origin{document.text("project"), StudyUid{document.text("study")}, {}};
    for (const auto& [after, before] : uids->object()) {
        origin.originals.emplace(after, before.text());
    }
    return origin;
}

void write(const fs::path& file, const Origin& origin)
{
    json::Object uids;
    for (const auto& [after, before] : origin.originals) {
        uids.emplace_hint(uids.end(), after, before);
    }
    const json::Object document{
        {"project", origin.project}, {"study", origin.study.str()}, {"uids", std::move(uids)}};
    store::write_file(file, json::write(document) + "\n", 0600);
}

/// Old UIDs by new ones, of all tables.
std::map<std::string, std::string, std::less<>> turned_round(const json::Value& mapping)
{
    std::map<std::string, std::string, std::less<>> originals;
    for (const auto& [table, pairs] : mapping.object()) {
        for (const auto& [before, after] : pairs.object()) {
            originals.emplace(after.string(), before);
        }
    }
    return originals;
}

} // namespace

KeptMappings::KeptMappings(const fs::path& keys) : m_root{keys / "mapping"} {}

void KeptMappings::keep(const ProjectName& project, std::string_view mapping) const
{
    const auto document = json::parse(mapping, "mapping", {max_bytes, 8});
    const auto originals = turned_round(document);
    make_directories(m_root.parent_path());
    make_private(m_root);
    const auto directory = m_root / percent_encoded(project.str());
    make_private(directory);
    const FileLock lock{directory / ".lock", std::chrono::seconds{30}};
    const auto* const studies = document.find("StudyInstanceUID");
    if (studies == nullptr) {
        throw Error{Fault::internal, "a mapping without studies"};
    }
    for (const auto& [before, after] : studies->object()) {
        const auto file = directory / (StudyUid{after.string()}.str() + ".json");
        auto origin = read(file);
        if (!origin) {
            origin = Origin{project.str(), StudyUid{before}, {}};
        }
        const auto known = origin->originals.size();
        for (const auto& [new_uid, old_uid] : originals) {
            const auto [place, is_new] = origin->originals.emplace(new_uid, old_uid);
            if (!is_new && place->second != old_uid) {
                throw Error{Fault::internal, "project {}: two UIDs have got the same new one",
                            project};
            }
        }
        if (origin->originals.size() != known) {
            write(file, *origin);
        }
    }
}

std::vector<fs::path> KeptMappings::projects() const
{
    std::vector<fs::path> directories;
    std::error_code problem;
    for (fs::directory_iterator entry{m_root, problem}, end; !problem && entry != end;
         entry.increment(problem)) {
        directories.push_back(entry->path());
    }
    if (problem && problem != std::errc::no_such_file_or_directory) {
        throw os_error(problem.value(), "look through the mappings");
    }
    return directories;
}

std::optional<Origin> KeptMappings::find(const StudyUid& new_study) const
{
    for (const auto& directory : projects()) {
        if (auto origin = read(directory / (new_study.str() + ".json"))) {
            return origin;
        }
    }
    return std::nullopt;
}

bool KeptMappings::has(const StudyUid& new_study) const
{
    return std::ranges::any_of(projects(), [&](const fs::path& directory) {
        std::error_code problem;
        const bool is_there = fs::exists(directory / (new_study.str() + ".json"), problem);
        if (problem) {
            throw os_error(problem.value(), "look through the mappings");
        }
        return is_there;
    });
}

std::optional<Origin> KeptMappings::find(const std::string& project,
                                         const StudyUid& new_study) const
{
    return read(m_root / percent_encoded(project) / (new_study.str() + ".json"));
}

bool KeptMappings::has_any(const ProjectName& project) const
{
    std::error_code problem;
    return fs::exists(m_root / percent_encoded(project.str()), problem) || problem;
}

void KeptMappings::destroy(const ProjectName& project) const
{
    std::error_code problem;
    fs::remove_all(m_root / percent_encoded(project.str()), problem);
    if (problem) {
        throw os_error(problem.value(), "destroy the mappings of the project");
    }
}

} // namespace fiona::anonymize
