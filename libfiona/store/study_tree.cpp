// SPDX-License-Identifier: MIT
#include "libfiona/store/study_tree.h"

#include "libfiona/base/error.h"
#include "libfiona/base/file_lock.h"
#include "libfiona/base/files.h"
#include "libfiona/base/log.h"
#include "libfiona/base/text.h"
#include "libfiona/store/atomic_file.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <set>

namespace fiona::store {

namespace fs = std::filesystem;

namespace {

constexpr std::chrono::seconds lock_patience{30};

TimePoint modification_time(const fs::path& path)
{
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0) {
        return {};
    }
    return TimePoint{std::chrono::duration_cast<Clock::duration>(
        std::chrono::seconds{status.st_mtim.tv_sec}
        + std::chrono::nanoseconds{status.st_mtim.tv_nsec})};
}

/// A symbolic link of that name in `directory` to `target`; one that dangles is replaced by rename,
/// so that the name is never absent. False if a living one was there.
bool make_link_in(int directory, const std::string& name, const fs::path& target)
{
    if (::symlinkat(target.c_str(), directory, name.c_str()) == 0) {
        return true;
    }
    if (errno == ENOENT) { // whoever clears up was here: nothing of ours is missing
        throw Error{Fault::temporary, "a directory of links has just been removed"};
    }
    if (errno != EEXIST) {
        throw os_error(errno, "make a link");
    }
    struct stat status {};
    if (::fstatat(directory, name.c_str(), &status, 0) == 0) {
        return false;
    }
    const auto temporary = fmt::format(".{}.{}", name, ::getpid());
    ::unlinkat(directory, temporary.c_str(), 0);
    if (::symlinkat(target.c_str(), directory, temporary.c_str()) != 0
        || ::renameat(directory, temporary.c_str(), directory, name.c_str()) != 0) {
        throw os_error(errno, "replace a link");
    }
    return true;
}

/// A directory named by what a header says: no error names it.
void make_named_directory(const fs::path& directory, std::string_view doing)
{
    if (::mkdir(directory.c_str(), 0750) != 0 && errno != EEXIST) {
        throw os_error(errno, doing);
    }
}

UniqueFd open_directory(const fs::path& path)
{
    UniqueFd fd{::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    if (!fd) {
        throw os_error(errno, "open a directory of links"); // its path may hold a patient's id
    }
    return fd;
}

bool make_link(const fs::path& target, const fs::path& link)
{
    return make_link_in(open_directory(link.parent_path()).get(), link.filename(), target);
}

/// How many names in a directory are UIDs; 0 if it is not there. Neither sorted nor kept: a series
/// may have a hundred thousand.
std::size_t count_uids(const fs::path& directory)
{
    const std::unique_ptr<DIR, int (*)(DIR*)> dir{::opendir(directory.c_str()), ::closedir};
    if (!dir && errno != ENOENT) {
        throw os_error(errno, "read a series directory");
    }
    std::size_t count = 0;
    while (dir) {
        errno = 0; // the only way to tell a failing disk from the end of the directory
        const auto* const item = ::readdir(dir.get()); // NOLINT(concurrency-mt-unsafe) own DIR
        if (item == nullptr && errno != 0) {
            throw os_error(errno, "read a series directory");
        }
        if (item == nullptr) {
            break;
        }
        count += is_uid(static_cast<const char*>(item->d_name)) ? 1U : 0U;
    }
    return count;
}

bool points_to(const fs::path& link, const fs::path& target)
{
    std::error_code problem;
    return fs::read_symlink(link, problem) == target && !problem;
}

} // namespace

StudyTree::StudyTree(Paths paths) : m_paths{std::move(paths)} {}

fs::path StudyTree::study_directory(const StudyUid& study) const
{
    return m_paths.raw() / study.str();
}

fs::path StudyTree::series_directory(const StudyUid& study, const SeriesUid& series) const
{
    return study_directory(study) / series.str();
}

fs::path StudyTree::series_json(const StudyUid& study, const SeriesUid& series) const
{
    return study_directory(study) / (series.str() + ".json");
}

bool StudyTree::link_instance(const StudyUid& study, const SeriesUid& series,
                              const SopInstanceUid& sop, const fs::path& archive_file) const
{
    return SeriesLinks{*this, study, series}.link(sop, archive_file);
}

void StudyTree::link_participant(const Private<std::string>& patient_id,
                                 const std::string& study_date, const std::string& study_time,
                                 const StudyUid& study) const
{
    if (patient_id.reveal().empty()) {
        return;
    }
    const auto directory = m_paths.participants() / percent_encoded(patient_id.reveal());
    make_directories(m_paths.participants());
    make_named_directory(directory, "make the directory of a participant");
    const auto or_unknown = [](const std::string& text) { return text.empty() ? "unknown" : text; };
    const auto name =
        percent_encoded(fmt::format("{}_{}", or_unknown(study_date), or_unknown(study_time)), 120);
    const auto target = study_directory(study);
    constexpr unsigned max_twins = 1000;
    for (unsigned twin = 1; twin <= max_twins; ++twin) {
        const auto link = directory / (twin == 1 ? name : fmt::format("{}_{}", name, twin));
        if (points_to(link, target) || make_link(target, link)) {
            return;
        }
    }
    throw Error{Fault::data, "more than {} studies of one participant at the same date and time",
                max_twins};
}

void StudyTree::link_structured_report(const std::string& manufacturer, const StudyUid& study,
                                       const SeriesUid& series, const SopInstanceUid& sop) const
{
    const auto vendor = manufacturer.empty() ? std::string{"_"} : percent_encoded(manufacturer);
    const auto directory = m_paths.srs() / vendor / study.str();
    make_directories(m_paths.srs());
    make_named_directory(directory.parent_path(), "make the directory of a manufacturer's reports");
    make_named_directory(directory, "make the directory of a study's reports");
    make_link(series_directory(study, series) / sop.str(), directory / sop.str());
}

std::size_t StudyTree::count_instances(const StudyUid& study, const SeriesUid& series) const
{
    return count_uids(series_directory(study, series));
}

std::vector<StudyUid> StudyTree::studies() const
{
    std::vector<StudyUid> found;
    std::error_code problem;
    for (const auto& entry : fs::directory_iterator{m_paths.raw(), problem}) {
        const auto name = entry.path().filename().native();
        if (is_uid(name)) {
            found.emplace_back(name);
        }
    }
    if (problem && problem != std::errc::no_such_file_or_directory) {
        throw os_error(problem.value(), fmt::format("read {}", m_paths.raw().native()));
    }
    std::ranges::sort(found);
    return found;
}

bool StudyTree::has_study(const StudyUid& study) const
{
    std::error_code problem;
    return fs::is_directory(study_directory(study), problem);
}

std::vector<StudyTree::Series> StudyTree::series(const StudyUid& study) const
{
    std::set<SeriesUid> uids;
    std::error_code problem;
    for (const auto& entry : fs::directory_iterator{study_directory(study), problem}) {
        auto name = entry.path().filename().native();
        if (name.ends_with(".json")) {
            name.resize(name.size() - std::string_view{".json"}.size());
        }
        if (is_uid(name)) {
            uids.emplace(name);
        }
    }
    if (problem && problem != std::errc::no_such_file_or_directory) {
        throw os_error(problem.value(), "read a study directory");
    }
    std::vector<Series> found;
    for (const auto& uid : uids) {
        const auto path = series_json(study, uid);
        std::optional<json::Value> properties;
        if (const auto text = read_file_if_any(path)) {
            try {
                properties = json::parse(*text, "series JSON");
            } catch (const Error& e) {
                log::warn("series_json_unreadable",
                          {{"study", study}, {"series", uid}, {"reason", e.what()}});
            }
        }
        found.push_back({uid, std::move(properties), modification_time(path)});
    }
    return found;
}

std::optional<TimePoint> StudyTree::newest_change(const StudyUid& study) const
{
    std::optional<TimePoint> newest;
    std::error_code problem;
    for (const auto& entry : fs::directory_iterator{study_directory(study), problem}) {
        const auto name = entry.path().filename().native();
        if (name.front() != '.' && name.ends_with(".json")) {
            newest = std::max(newest.value_or(TimePoint{}), modification_time(entry.path()));
        }
    }
    return newest;
}

std::vector<fs::path> StudyTree::instances(const StudyUid& study, const SeriesUid& series) const
{
    std::vector<fs::path> found;
    std::error_code problem;
    for (const auto& entry : fs::directory_iterator{series_directory(study, series), problem}) {
        if (is_uid(entry.path().filename().native())) {
            found.push_back(entry.path());
        }
    }
    if (problem && problem != std::errc::no_such_file_or_directory) {
        throw os_error(problem.value(), "read a series directory");
    }
    std::ranges::sort(found);
    return found;
}

SeriesLinks::SeriesLinks(const StudyTree& tree, const StudyUid& study, const SeriesUid& series)
    : m_directory{tree.series_directory(study, series)}
{
    make_directories(m_directory);
    m_fd = open_directory(m_directory);
}

bool SeriesLinks::link(const SopInstanceUid& sop, const fs::path& archive_file)
{
    const bool is_new = make_link_in(m_fd.get(), sop.str(), archive_file);
    m_is_synced = m_is_synced && !is_new;
    return is_new;
}

std::size_t SeriesLinks::count() const
{
    return count_uids(m_directory);
}

void SeriesLinks::sync()
{
    if (!m_is_synced && ::fsync(m_fd.get()) != 0) {
        throw os_error(errno, "sync a series directory");
    }
    m_is_synced = true;
}

SeriesJsonUpdate::SeriesJsonUpdate(const StudyTree& tree, const StudyUid& study,
                                   const SeriesUid& series)
    : m_path{tree.series_json(study, series)}
{
    make_directories(tree.study_directory(study));
    m_lock = std::make_unique<FileLock>(tree.study_directory(study) / ".lock", lock_patience);
    m_bytes = read_file_if_any(m_path).value_or("");
    try {
        m_stored = m_bytes.empty() ? json::Value{} : json::parse(m_bytes, "series JSON");
    } catch (const Error& e) {
        log::warn("series_json_unreadable",
                  {{"study", study}, {"series", series}, {"reason", e.what()}});
    }
}

SeriesJsonUpdate::~SeriesJsonUpdate() = default;

bool SeriesJsonUpdate::replace(const json::Value& properties)
{
    auto bytes = json::write(properties, json::Style::pretty);
    if (bytes == m_bytes) {
        return false;
    }
    write_file(m_path, bytes);
    m_bytes = std::move(bytes);
    m_stored = properties;
    return true;
}

} // namespace fiona::store
