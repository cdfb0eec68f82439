// SPDX-License-Identifier: MIT
#include "libfiona/jobs/file_tree.h"

#include "libfiona/base/error.h"
#include "libfiona/store/folder.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace fiona::jobs {

namespace fs = std::filesystem;

namespace {

UniqueFd open_directory(int parent, const std::string& name)
{
    UniqueFd fd{::openat(parent, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)};
    if (!fd) {
        throw os_error(errno, "open a directory of a job");
    }
    return fd;
}

class Walk {
public:
    explicit Walk(const TreeLimits& limits) : m_limits{limits} {}

    // NOLINTNEXTLINE(misc-no-recursion) the levels are counted
    void below(const store::Folder& folder, const fs::path& path, std::size_t depth)
    {
        if (depth > m_limits.depth) {
            throw Error{Fault::data, "directories are nested deeper than {}", m_limits.depth};
        }
        for (const auto& entry : folder.entries()) {
            if (++m_entries > m_limits.entries) {
                throw Error{Fault::data, "more than {} files", m_limits.entries};
            }
            if (const auto inner = folder.descend(entry.name)) {
                below(*inner, path / entry.name, depth + 1);
            } else if (const auto status = folder.look(entry.name)) {
                note(folder, path / entry.name, *status);
            }
        }
    }

    std::vector<TreeFile> files;

private:
    void note(const store::Folder& folder, fs::path path, const struct stat& status)
    {
        if (status.st_dev != folder.status().st_dev) {
            throw Error{Fault::data, "a file here is a mount point"};
        }
        files.push_back({std::move(path), static_cast<std::uint64_t>(status.st_size),
                         S_ISREG(status.st_mode) && status.st_nlink == 1});
    }

    TreeLimits m_limits;
    std::size_t m_entries = 0;
};

} // namespace

std::vector<TreeFile> list_tree(const fs::path& top, const TreeLimits& limits)
{
    Walk walk{limits};
    const store::Folder parent{top.parent_path(), "the directory of a job"};
    const auto folder = parent.descend(top.filename().native());
    if (!folder) {
        throw Error{Fault::missing, "the output of a job is not there, or is no directory"};
    }
    walk.below(*folder, {}, 1);
    std::ranges::sort(walk.files, {}, &TreeFile::path);
    return std::move(walk.files);
}

UniqueFd open_in_tree(const fs::path& top, const fs::path& path)
{
    auto directory = open_directory(AT_FDCWD, top.native());
    for (const auto& part : path.parent_path()) {
        directory = open_directory(directory.get(), part.native());
    }
    UniqueFd fd{::openat(directory.get(), path.filename().c_str(),
                         O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)};
    if (!fd) {
        throw os_error(errno, "open a file of a job");
    }
    return fd;
}

} // namespace fiona::jobs
