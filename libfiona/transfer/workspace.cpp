// SPDX-License-Identifier: MIT
#include "libfiona/transfer/workspace.h"

#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/base/log.h"
#include "libfiona/store/disk_space.h"

#include <sys/stat.h>

#include <cerrno>
#include <system_error>
#include <vector>

namespace fiona::transfer {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view prefix = "transfer-";
constexpr std::string_view lock_suffix = ".lock";
constexpr std::chrono::seconds sweep_patience{60};

void make_private(const fs::path& directory)
{
    if (::mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST) {
        throw os_error(errno, fmt::format("make {}", directory.parent_path().native()));
    }
}

FileLock sweep_lock(const fs::path& root)
{
    return FileLock{root / ".transfer-sweep.lock", sweep_patience};
}

/// Under the sweep lock, so that no worker is between making and locking its place.
void remove_dead(const fs::path& root)
{
    std::vector<fs::path> locks;
    for (const auto& entry : fs::directory_iterator{root}) {
        const auto name = entry.path().filename().native();
        if (name.starts_with(prefix) && name.ends_with(lock_suffix)) {
            locks.push_back(entry.path());
        }
    }
    for (const auto& lock_file : locks) {
        if (FileLock::holder(lock_file)) {
            continue;
        }
        auto directory = lock_file;
        directory.replace_extension();
        fs::remove_all(directory);
        fs::remove(lock_file);
        log::info("workspace_swept", {{"directory", directory.filename().native()}});
    }
}

void remove_dead_below(const fs::path& root)
{
    try {
        remove_dead(root);
    } catch (const fs::filesystem_error& e) {
        throw os_error(e.code().value(), "remove what a dead worker left");
    }
}

} // namespace

void Workspace::sweep(const Paths& paths)
{
    std::error_code problem;
    if (fs::is_directory(paths.temporary(), problem)) {
        const auto lock = sweep_lock(paths.temporary());
        remove_dead_below(paths.temporary());
    }
}

Workspace::Workspace(const Paths& paths, const std::string& worker)
    : m_directory{paths.temporary() / fmt::format("{}{}", prefix, worker)},
      m_lock_file{m_directory.native() + std::string{lock_suffix}}
{
    make_directories(paths.site());
    make_private(paths.temporary());
    const auto lock = sweep_lock(paths.temporary());
    remove_dead_below(paths.temporary());
    m_lock.emplace(m_lock_file);
    make_private(m_directory);
}

Workspace::~Workspace()
{
    std::error_code ignored; // the next worker sweeps
    fs::remove_all(m_directory, ignored);
    fs::remove(m_lock_file, ignored);
}

fs::path Workspace::make_room(std::string_view name, std::uint64_t bytes) const
{
    store::require_space(m_directory.parent_path(), bytes);
    remove(name);
    auto directory = m_directory / name;
    make_private(directory);
    return directory;
}

void Workspace::remove(std::string_view name) const
{
    std::error_code problem;
    fs::remove_all(m_directory / name, problem);
    if (problem) {
        throw os_error(problem.value(), "clear the temporary directory");
    }
}

} // namespace fiona::transfer
