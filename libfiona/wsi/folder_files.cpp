// SPDX-License-Identifier: MIT
#include "libfiona/wsi/folder_files.h"

#include "libfiona/base/digest.h"
#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/base/md5.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <span>
#include <vector>

namespace fiona::wsi {

namespace {

constexpr mode_t group_may_read = 0640;
constexpr std::size_t piece_bytes = std::size_t{1} << 20U;

void sync(int fd, std::string_view what)
{
    if (::fsync(fd) != 0) {
        throw os_error(errno, what);
    }
}

/// Calls `take` with every piece of the file.
template <typename Take>
void read_all(int fd, const Take& take)
{
    std::vector<char> piece(piece_bytes);
    off_t offset = 0;
    for (;;) {
        const auto got = ::pread(fd, piece.data(), piece.size(), offset);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            throw os_error(errno, "read a file");
        }
        if (got == 0) {
            return;
        }
        take(std::string_view{piece.data(), static_cast<std::size_t>(got)});
        offset += got;
    }
}

/// Shares the blocks where the file system can, else copies them in the kernel, else by hand.
void copy_bytes(int source, int target)
{
    if (::ioctl(target, FICLONE, source) == 0) {
        return;
    }
    loff_t from = 0;
    const auto bytes = status_of(source).st_size;
    while (from < bytes) {
        const auto copied = ::copy_file_range(source, &from, target, nullptr,
                                              static_cast<std::size_t>(bytes - from), 0);
        if (copied > 0) {
            continue;
        }
        if (copied < 0 && errno != EXDEV && errno != EINVAL && errno != ENOSYS
            && errno != EOPNOTSUPP && errno != EINTR) {
            throw os_error(errno, "copy a slide");
        }
        if (copied == 0 || errno != EINTR) {
            break;
        }
    }
    if (from >= bytes) {
        return;
    }
    if (::ftruncate(target, 0) != 0 || ::lseek(target, 0, SEEK_SET) != 0) {
        throw os_error(errno, "copy a slide");
    }
    read_all(source,
             [&](std::string_view piece) { write_all(target, piece, "the copy of a slide"); });
}

/// Whether `name` is there with these bytes.
bool is_there(const store::Folder& folder, const std::string& name, const std::string& sha256)
{
    const auto fd = open_regular(folder, name);
    if (!fd) {
        return false;
    }
    if (digests_of(fd.get()).sha256 != sha256) {
        throw Error{Fault::data, "another file of that name is there already"};
    }
    return true;
}

} // namespace

FileIdentity identity_of(const struct stat& status)
{
    const auto modified = std::chrono::seconds{status.st_mtim.tv_sec}
                          + std::chrono::nanoseconds{status.st_mtim.tv_nsec};
    return {status.st_ino, static_cast<std::uint64_t>(status.st_size), modified.count()};
}

struct stat status_of(int fd)
{
    struct stat status {};
    if (::fstat(fd, &status) != 0) {
        throw os_error(errno, "look at a file");
    }
    return status;
}

UniqueFd open_regular(const store::Folder& folder, const std::string& name)
{
    // O_NONBLOCK: a FIFO must not hold us.
    UniqueFd fd{::openat(folder.fd(), name.c_str(),
                         O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY | O_NONBLOCK)};
    if (!fd && errno == ENOENT) {
        return fd;
    }
    if (!fd && (errno == ELOOP || errno == ENXIO)) {
        throw Error{Fault::data, "a link or a device is in the place of a file"};
    }
    if (!fd) {
        throw os_error(errno, "open a file");
    }
    if (!S_ISREG(status_of(fd.get()).st_mode)) {
        throw Error{Fault::data, "what should be a file is none"};
    }
    return fd;
}

std::optional<std::string> read_text(const store::Folder& folder, const std::string& name,
                                     std::size_t max_bytes)
{
    const auto fd = open_regular(folder, name);
    if (!fd) {
        return std::nullopt;
    }
    std::string text;
    read_all(fd.get(), [&](std::string_view piece) {
        if (piece.size() > max_bytes - text.size()) {
            throw Error{Fault::data, "a file has more than {} bytes", max_bytes};
        }
        text += piece;
    });
    return text;
}

void put_text(const store::Folder& folder, const std::string& name, std::string_view text,
              const std::string& part)
{
    const UniqueFd fd{::openat(folder.fd(), part.c_str(),
                               O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC,
                               group_may_read)};
    if (!fd) {
        throw os_error(errno, "make a file");
    }
    try {
        write_all(fd.get(), text, "a file");
        sync(fd.get(), "sync a file");
        if (::renameat(folder.fd(), part.c_str(), folder.fd(), name.c_str()) != 0) {
            throw os_error(errno, "put a file in its place");
        }
    } catch (const Error&) {
        ::unlinkat(folder.fd(), part.c_str(), 0);
        throw;
    }
    sync(folder.fd(), "sync a directory");
}

FileDigests digests_of(int fd)
{
    Sha256 sha256;
    Md5 md5;
    read_all(fd, [&](std::string_view piece) {
        sha256.add(piece);
        md5.add(piece);
    });
    return {to_hex(sha256.finish()), md5.finish()};
}

bool put_copy(int source, const std::string& sha256, const store::Folder& folder,
              const std::string& name, const std::string& part)
{
    if (is_there(folder, name, sha256)) {
        return false;
    }
    const UniqueFd target{::openat(folder.fd(), part.c_str(),
                                   O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC,
                                   group_may_read)};
    if (!target) {
        throw os_error(errno, "make the copy of a slide");
    }
    try {
        copy_bytes(source, target.get());
        sync(target.get(), "sync the copy of a slide");
        if (digests_of(target.get()).sha256 != sha256) {
            throw Error{Fault::io, "the copy of a slide is not what was copied"};
        }
        // NOLINTNEXTLINE(readability-suspicious-call-argument) the part gets the name
        if (!folder.move(part, folder, name) && !is_there(folder, name, sha256)) {
            throw Error{Fault::temporary, "the copy of a slide has just been removed"};
        }
    } catch (const Error&) {
        ::unlinkat(folder.fd(), part.c_str(), 0);
        throw;
    }
    ::unlinkat(folder.fd(), part.c_str(), 0); // another worker was first
    sync(folder.fd(), "sync a directory");
    return true;
}

} // namespace fiona::wsi
