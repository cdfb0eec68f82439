// SPDX-License-Identifier: MIT
#include "libfiona/transfer/prepared_study.h"

#include "libfiona/anonymize/inputs.h"
#include "libfiona/base/digest.h"
#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/base/log.h"
#include "libfiona/store/atomic_file.h"
#include "libfiona/store/disk_space.h"
#include "libfiona/transfer/workspace.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <set>
#include <system_error>

namespace fiona::transfer {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view prefix = "prepared-";

/// Participants are no part of it: names of directories are seen by more people than their content.
std::string directory_name(const std::string& request_file)
{
    constexpr std::size_t digits = 32;
    return std::string{prefix} + sha256_hex(request_file).substr(0, digits);
}

bool is_as_it_was(const ReadyObject& object)
{
    std::error_code problem;
    return fs::file_size(object.file, problem) == object.bytes && !problem
           && anonymize::sha256_of_file(object.file) == object.sha256;
}

void make_private(const fs::path& directory)
{
    if (::mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST) {
        throw os_error(errno, "make a directory for de-identified files");
    }
}

void remove_tree(const fs::path& directory)
{
    std::error_code problem;
    fs::remove_all(directory, problem);
    if (problem) {
        throw os_error(problem.value(), "remove a prepared study");
    }
}

} // namespace

PreparedStudy::PreparedStudy(const Paths& paths, const store::TransferRequest& request)
    : m_directory{paths.temporary() / directory_name(request.file_name())}
{
}

void PreparedStudy::lock()
{
    m_lock = UniqueFd{::open(m_directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    if (!m_lock || ::flock(m_lock.get(), LOCK_SH | LOCK_NB) != 0) {
        throw os_error(errno, "lock a directory for de-identified files");
    }
}

std::optional<Preparation> PreparedStudy::load(const std::string& key)
{
    const auto text = read_file_if_any(manifest());
    if (!text) {
        return std::nullopt;
    }
    lock();
    std::string reason = "what was asked for, or how, has changed";
    try {
        const auto document = json::parse(*text, "the manifest of a prepared study");
        if (document.text("key") == key) {
            auto preparation = preparation_of(document, m_directory);
            if (std::ranges::all_of(preparation.objects, is_as_it_was)) {
                return preparation;
            }
            reason = "a file is not as it was";
        }
    } catch (const Error& e) {
        reason = e.what();
    }
    log::info("prepared_study_dropped", {{"reason", reason}});
    return std::nullopt;
}

fs::path PreparedStudy::make_room(std::uint64_t bytes)
{
    remove();
    store::require_space(m_directory.parent_path(), bytes);
    auto directory = m_directory / "study";
    make_private(m_directory);
    lock();
    make_private(directory);
    return directory;
}

void PreparedStudy::keep(const std::string& key, const Preparation& preparation) const
{
    auto document = to_json(preparation, m_directory);
    document.object()["key"] = key;
    store::write_file(manifest(), json::write(document), 0600);
}

void PreparedStudy::remove() const
{
    std::error_code ignored; // first, so that no half of it is taken for whole
    fs::remove(manifest(), ignored);
    remove_tree(m_directory);
}

void PreparedStudy::sweep(const store::Requests& requests, TimePoint now)
{
    constexpr std::chrono::hours least_age{1}; // a request that is filed now has a younger one
    std::error_code problem;
    fs::directory_iterator entries{requests.paths().temporary(), problem};
    std::vector<fs::path> found;
    for (const auto& entry : problem ? fs::directory_iterator{} : entries) {
        if (entry.path().filename().native().starts_with(prefix)) {
            found.push_back(entry.path());
        }
    }
    if (found.empty()) {
        return;
    }
    std::set<std::string> known;
    for (const auto& name : requests.waiting()) {
        known.insert(directory_name(name));
    }
    for (const auto& name : requests.in_work()) {
        known.insert(directory_name(name));
    }
    for (const auto& name : requests.held()) {
        known.insert(directory_name(name));
    }
    for (const auto& directory : found) {
        const UniqueFd fd{::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
        struct stat status {};
        if (!known.contains(directory.filename().native()) && fd && ::fstat(fd.get(), &status) == 0
            && Clock::from_time_t(status.st_mtime) + least_age < now
            && ::flock(fd.get(), LOCK_EX | LOCK_NB) == 0) {
            remove_tree(directory);
            log::info("prepared_study_swept", {{"directory", directory.filename().native()}});
        }
    }
}

} // namespace fiona::transfer
