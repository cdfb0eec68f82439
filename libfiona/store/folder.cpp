// SPDX-License-Identifier: MIT
#include "libfiona/store/folder.h"

#include "libfiona/base/error.h"
#include "libfiona/base/workers.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <cstdio>
#include <memory>

namespace fiona::store {

namespace {

constexpr unsigned most_levels = 500;      // a descriptor each
constexpr std::uint64_t block_bytes = 512; // st_blocks counts these, whatever the file system has

UniqueFd open_in(int parent, const char* name, int more = O_NOFOLLOW)
{
    return UniqueFd{::openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | more)};
}

struct stat status_of(const UniqueFd& fd)
{
    struct stat status {};
    if (::fstat(fd.get(), &status) != 0) {
        throw os_error(errno, "look at an open directory");
    }
    return status;
}

/// Another file system, or another place of the same one (bind): neither is ours to empty.
bool is_mount(const UniqueFd& fd, const struct stat& status, const struct stat& parent)
{
    if (status.st_dev != parent.st_dev) {
        return true;
    }
    struct statx more {};
    return ::statx(fd.get(), "", AT_EMPTY_PATH, STATX_BASIC_STATS, &more) == 0
           && (more.stx_attributes_mask & STATX_ATTR_MOUNT_ROOT) != 0
           && (more.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
}

Folder::Kind kind_of(mode_t mode)
{
    return S_ISLNK(mode)   ? Folder::Kind::link
           : S_ISDIR(mode) ? Folder::Kind::directory
           : S_ISREG(mode) ? Folder::Kind::file
                           : Folder::Kind::other;
}

} // namespace

Folder::Folder(const std::filesystem::path& path, std::string_view what)
    : m_fd{open_in(AT_FDCWD, path.c_str(), 0)}
{
    if (!m_fd) {
        throw os_error(errno, fmt::format("open {} ({})", what, path.native()));
    }
    m_status = status_of(m_fd);
}

std::vector<Folder::Entry> Folder::entries() const
{
    // A descriptor of its own, which the stream closes: reading moves the place in the directory.
    const int own = ::openat(m_fd.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const std::unique_ptr<DIR, int (*)(DIR*)> stream{own >= 0 ? ::fdopendir(own) : nullptr,
                                                     ::closedir};
    if (!stream) {
        const int problem = errno;
        if (own >= 0) {
            ::close(own);
        }
        throw os_error(problem, "read a directory");
    }
    std::vector<Entry> found;
    for (;;) {
        errno = 0; // the only way to tell a failing disk from the end of the directory
        const auto* const item = ::readdir(stream.get()); // NOLINT(concurrency-mt-unsafe) own DIR
        if (item == nullptr) {
            break;
        }
        std::string name{static_cast<const char*>(item->d_name)};
        if (name == "." || name == "..") {
            continue;
        }
        auto kind = kind_of(static_cast<mode_t>(DTTOIF(item->d_type)));
        if (item->d_type == DT_UNKNOWN) {
            const auto status = look(name);
            kind = status ? kind_of(status->st_mode) : Kind::other;
        }
        found.push_back({std::move(name), kind});
    }
    if (errno != 0) {
        throw os_error(errno, "read a directory");
    }
    return found;
}

std::optional<struct stat> Folder::look(const std::string& name) const
{
    struct stat status {};
    if (::fstatat(m_fd.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0) {
        return status;
    }
    if (errno == ENOENT) {
        return std::nullopt;
    }
    throw os_error(errno, "look at a directory's entry");
}

std::string Folder::target(const std::string& name) const
{
    std::array<char, PATH_MAX> text{};
    const auto length = ::readlinkat(m_fd.get(), name.c_str(), text.data(), text.size());
    if (length < 0) {
        if (errno == ENOENT || errno == EINVAL) {
            return {};
        }
        throw os_error(errno, "read a link");
    }
    return {text.data(), static_cast<std::size_t>(length)};
}

Folder::End Folder::end_of(const std::string& name) const
{
    struct stat status {};
    if (::fstatat(m_fd.get(), name.c_str(), &status, 0) == 0) {
        return End::there;
    }
    return errno == ENOENT || errno == ENOTDIR || errno == ELOOP ? End::gone : End::unknown;
}

std::optional<Folder> Folder::descend(const std::string& name) const
{
    auto fd = open_in(m_fd.get(), name.c_str());
    if (!fd) {
        if (errno == ENOENT || errno == ENOTDIR || errno == ELOOP) {
            return std::nullopt;
        }
        throw os_error(errno, "open a directory");
    }
    const auto status = status_of(fd);
    if (is_mount(fd, status, m_status)) {
        throw Error{Fault::data, "a directory here is a mount point: left alone"};
    }
    return Folder{std::move(fd), status};
}

Folder Folder::descend_or_make(const std::string& name) const
{
    if (::mkdirat(m_fd.get(), name.c_str(), 0750) != 0 && errno != EEXIST) {
        throw os_error(errno, "make a directory");
    }
    auto made = descend(name);
    if (!made) {
        throw Error{Fault::temporary, "a directory has just been removed or replaced"};
    }
    return std::move(*made);
}

bool Folder::unlink(const std::string& name) const
{
    if (::unlinkat(m_fd.get(), name.c_str(), 0) == 0) {
        return true;
    }
    if (errno == ENOENT) {
        return false;
    }
    throw os_error(errno, "remove a file");
}

bool Folder::remove_directory(const std::string& name) const
{
    if (::unlinkat(m_fd.get(), name.c_str(), AT_REMOVEDIR) == 0) {
        return true;
    }
    if (errno == ENOENT || errno == ENOTEMPTY || errno == EEXIST) {
        return false;
    }
    throw os_error(errno, "remove a directory");
}

bool Folder::move(const std::string& name, const Folder& target, const std::string& new_name) const
{
    if (::renameat2(m_fd.get(), name.c_str(), target.fd(), new_name.c_str(), RENAME_NOREPLACE)
        == 0) {
        return true;
    }
    if (errno == EINVAL || errno == ENOSYS) { // a file system that does not know the flag
        if (target.look(new_name)) {
            return false;
        }
        if (::renameat(m_fd.get(), name.c_str(), target.fd(), new_name.c_str()) == 0) {
            return true;
        }
    }
    if (errno == ENOENT || errno == EEXIST || errno == ENOTEMPTY) {
        return false;
    }
    throw os_error(errno, "move a directory's entry");
}

void Amount::add(const struct stat& status)
{
    ++files;
    bytes += static_cast<std::uint64_t>(status.st_blocks) * block_bytes;
}

Amount& Amount::operator+=(const Amount& other)
{
    files += other.files;
    bytes += other.bytes;
    return *this;
}

namespace {

enum class Work { measure, remove };

// NOLINTNEXTLINE(misc-no-recursion) the levels are counted
Amount walk(const Folder& parent, const std::string& name, Work work, unsigned levels)
{
    Amount amount;
    const auto folder = parent.descend(name);
    if (!folder) {
        return amount;
    }
    if (levels == 0) {
        throw Error{Fault::data, "more than {} directories one in the other", most_levels};
    }
    do { // again while somebody who holds it open puts something in
        std::vector<std::string> files;
        for (auto& entry : folder->entries()) {
            if (entry.kind == Folder::Kind::directory) {
                amount += walk(*folder, entry.name, work, levels - 1);
            } else if (const auto status = folder->look(entry.name)) {
                amount.add(*status);
                files.push_back(std::move(entry.name));
            }
        }
        if (work == Work::remove) {
            for_each_index(files.size(), hands_for(files.size(), removing_hands),
                           [&](std::size_t index, std::size_t) { folder->unlink(files[index]); });
        }
    } while (work == Work::remove && !parent.remove_directory(name) && parent.look(name));
    return amount;
}

} // namespace

Amount remove_tree(const Folder& parent, const std::string& name)
{
    return walk(parent, name, Work::remove, most_levels);
}

void remove_tree(const std::filesystem::path& top)
{
    const auto name = top.filename().native();
    if (name.empty() || name == "." || name == "..") {
        throw Error{Fault::internal, "that is no name in a directory"};
    }
    const Folder parent{top.parent_path(), "the directory above"};
    const auto status = parent.look(name);
    if (status && !S_ISDIR(status->st_mode)) {
        throw Error{Fault::data, "what should be removed as a directory is something else"};
    }
    remove_tree(parent, name);
}

Amount measure_tree(const Folder& parent, const std::string& name)
{
    return walk(parent, name, Work::measure, most_levels);
}

} // namespace fiona::store
