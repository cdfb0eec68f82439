// SPDX-License-Identifier: MIT
#include "libfiona/jobs/file_tree.h"

#include "libfiona/base/error.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <utility>

namespace fiona::jobs {

namespace fs = std::filesystem;

namespace {

constexpr int directory_flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;

UniqueFd open_directory(int parent, const std::string& name)
{
    UniqueFd fd{::openat(parent, name.c_str(), directory_flags)};
    if (!fd) {
        throw os_error(errno, "open a directory of a job");
    }
    return fd;
}

struct stat status_of(int fd)
{
    struct stat status {};
    if (::fstat(fd, &status) != 0) {
        throw os_error(errno, "look at a directory of a job");
    }
    return status;
}

std::vector<std::string> names_in(int directory)
{
    struct Close {
        void operator()(DIR* stream) const { ::closedir(stream); }
    };
    const std::unique_ptr<DIR, Close> stream{
        ::fdopendir(::openat(directory, ".", directory_flags))};
    if (!stream) {
        throw os_error(errno, "read a directory of a job");
    }
    std::vector<std::string> names;
    for (;;) {
        errno = 0;
        const auto* const entry =
            ::readdir(stream.get()); // NOLINT(concurrency-mt-unsafe) own stream
        if (entry == nullptr) {
            break;
        }
        std::string name = static_cast<const char*>(entry->d_name);
        if (name != "." && name != "..") {
            names.push_back(std::move(name));
        }
    }
    if (errno != 0) {
        throw os_error(errno, "read a directory of a job");
    }
    return names;
}

/// Visits all below a directory; what is done with a file, and with a directory when all in it was
/// visited, is the caller's.
template <typename OnFile, typename OnLeave>
class Walk {
public:
    Walk(dev_t device, const TreeLimits& limits, OnFile on_file, OnLeave on_leave)
        : m_device{device}, m_limits{limits}, m_on_file{std::move(on_file)}, m_on_leave{std::move(
                                                                                 on_leave)}
    {
    }

    void below(int directory, const fs::path& path, std::size_t depth)
    {
        if (depth > m_limits.depth) {
            throw Error{Fault::data, "directories are nested deeper than {}", m_limits.depth};
        }
        for (const auto& name : names_in(directory)) {
            if (++m_entries > m_limits.entries) {
                throw Error{Fault::data, "more than {} files", m_limits.entries};
            }
            struct stat status {};
            if (::fstatat(directory, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
                throw os_error(errno, "look at a file of a job");
            }
            if (status.st_dev != m_device) {
                throw Error{Fault::data, "another file system is mounted below"};
            }
            if (S_ISDIR(status.st_mode)) {
                const auto child = open_directory(directory, name);
                if (status_of(child.get()).st_dev != m_device) {
                    throw Error{Fault::data, "another file system is mounted below"};
                }
                below(child.get(), path / name, depth + 1);
                m_on_leave(directory, name);
            } else {
                m_on_file(directory, path / name, status);
            }
        }
    }

private:
    dev_t m_device;
    TreeLimits m_limits;
    OnFile m_on_file;
    OnLeave m_on_leave;
    std::size_t m_entries = 0;
};

void remove_at(int directory, const std::string& name, int flags)
{
    if (::unlinkat(directory, name.c_str(), flags) != 0 && errno != ENOENT) {
        throw os_error(errno, "remove a file of a job");
    }
}

} // namespace

std::vector<TreeFile> list_tree(const fs::path& top, const TreeLimits& limits)
{
    const auto directory = open_directory(AT_FDCWD, top.native());
    std::vector<TreeFile> files;
    const auto note = [&](int, const fs::path& path, const struct stat& status) {
        files.push_back({path, static_cast<std::uint64_t>(status.st_size),
                         S_ISREG(status.st_mode) && status.st_nlink == 1});
    };
    Walk{status_of(directory.get()).st_dev, limits, note, [](int, const std::string&) {}}.below(
        directory.get(), {}, 1);
    std::ranges::sort(files, {}, &TreeFile::path);
    return files;
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

void remove_tree(const fs::path& top)
{
    const auto parent = open_directory(AT_FDCWD, top.parent_path().native());
    const auto name = top.filename().native();
    UniqueFd directory{::openat(parent.get(), name.c_str(), directory_flags)};
    if (!directory) {
        if (errno == ENOENT) {
            return;
        }
        throw os_error(errno, "remove the folder of a job");
    }
    const auto device = status_of(directory.get()).st_dev;
    if (device != status_of(parent.get()).st_dev) {
        throw Error{Fault::data, "the folder of a job is a mount point"};
    }
    constexpr std::size_t deepest = 500; // descriptors: one for each level
    Walk{device,
         {.depth = deepest, .entries = SIZE_MAX},
         [](int where, const fs::path& path, const struct stat&) {
             remove_at(where, path.filename().native(), 0);
         },
         [](int where, const std::string& inside) { remove_at(where, inside, AT_REMOVEDIR); }}
        .below(directory.get(), {}, 1);
    remove_at(parent.get(), name, AT_REMOVEDIR);
}

} // namespace fiona::jobs
