// SPDX-License-Identifier: MIT
#include "libfiona/export/work_folder.h"

#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/base/unique_fd.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <string_view>
#include <vector>

namespace fiona::exports {

namespace fs = std::filesystem;

namespace {

constexpr mode_t only_us = 0700;
constexpr std::size_t max_depth = 32; // of what we and dcm2niix make

struct CloseDirectory {
    void operator()(DIR* directory) const { ::closedir(directory); }
};

std::vector<std::string> names_in(int directory)
{
    const int copy = ::openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const std::unique_ptr<DIR, CloseDirectory> stream{copy < 0 ? nullptr : ::fdopendir(copy)};
    if (!stream) {
        throw os_error(errno, "read a work folder");
    }
    std::vector<std::string> names;
    // NOLINTNEXTLINE(concurrency-mt-unsafe) the stream is our own
    while (const auto* const entry = ::readdir(stream.get())) {
        const std::string_view name{&entry->d_name[0]};
        if (name != "." && name != "..") {
            names.emplace_back(name);
        }
    }
    return names;
}

// NOLINTNEXTLINE(misc-no-recursion) bounded by max_depth
void remove_below(int parent, const std::string& name, dev_t device, std::size_t depth)
{
    if (::unlinkat(parent, name.c_str(), 0) == 0 || errno == ENOENT) {
        return;
    }
    if (errno != EISDIR && errno != EPERM) { // EPERM: POSIX's answer for a directory
        throw os_error(errno, "empty a work folder");
    }
    const UniqueFd fd{
        ::openat(parent, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)};
    struct stat status {};
    if (!fd || ::fstat(fd.get(), &status) != 0) {
        throw os_error(errno, "empty a work folder");
    }
    if (status.st_dev != device || depth == max_depth) {
        throw Error{Fault::permission, "a work folder holds a mount point, or is too deep"};
    }
    for (const auto& inner : names_in(fd.get())) {
        remove_below(fd.get(), inner, device, depth + 1);
    }
    if (::unlinkat(parent, name.c_str(), AT_REMOVEDIR) != 0) {
        throw os_error(errno, "remove a work folder");
    }
}

void make_private(const fs::path& folder)
{
    if (::mkdir(folder.c_str(), only_us) != 0 && errno != EEXIST) {
        throw os_error(errno, "make a work folder");
    }
}

} // namespace

void remove_tree(const fs::path& parent, const std::string& name)
{
    const UniqueFd fd{::open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    struct stat status {};
    if (!fd || ::fstat(fd.get(), &status) != 0) {
        throw os_error(errno, "open the folder of the work folders");
    }
    if (name.empty() || name == "." || name == ".." || name.find('/') != std::string::npos) {
        throw Error{Fault::internal, "that is no name in a folder"};
    }
    remove_below(fd.get(), name, status.st_dev, 0);
}

WorkFolder::WorkFolder(const fs::path& work, const std::string& job)
    : m_work{work}, m_name{"tmp_" + job}, m_folder{work / m_name}
{
    make_directories(work);
    make_private(m_folder);
    m_lock.emplace(m_folder / ".lock");
}

fs::path WorkFolder::keep(const std::string& name) const
{
    auto folder = m_folder / name;
    make_private(folder);
    return folder;
}

fs::path WorkFolder::fresh(const std::string& name) const
{
    remove_tree(m_folder, name);
    return keep(name);
}

void WorkFolder::remove()
{
    remove_tree(m_work, m_name);
    m_lock.reset();
}

} // namespace fiona::exports
