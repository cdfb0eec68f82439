// SPDX-License-Identifier: MIT
#include "libfiona/wsi/sparse_copy.h"

#include "libfiona/base/error.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string>

namespace fiona::wsi {

namespace {

constexpr std::uint64_t block = std::uint64_t{1} << 20U;

void copy_by_hand(int from, int to, ByteRange range)
{
    std::string bytes(std::min(block, range.bytes), '\0');
    while (range.bytes > 0) {
        const auto wanted = std::min<std::uint64_t>(bytes.size(), range.bytes);
        const auto got = ::pread(from, bytes.data(), wanted, static_cast<off_t>(range.offset));
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            throw os_error(errno, "read a slide");
        }
        if (got == 0) {
            throw Error{Fault::data, "the slide became shorter while it was copied"};
        }
        const auto count = static_cast<std::uint64_t>(got);
        write_at(to, range.offset, std::string_view{bytes}.substr(0, count));
        range.offset += count;
        range.bytes -= count;
    }
}

/// False if the kernel cannot do it between these files.
bool copy_in_kernel(int from, int to, ByteRange& range)
{
    while (range.bytes > 0) {
        auto in = static_cast<off64_t>(range.offset);
        auto out = in;
        const auto copied = ::copy_file_range(from, &in, to, &out, range.bytes, 0);
        if (copied < 0 && errno == EINTR) {
            continue;
        }
        if (copied < 0
            && (errno == EXDEV || errno == EINVAL || errno == ENOSYS || errno == EOPNOTSUPP)) {
            return false;
        }
        if (copied < 0) {
            throw os_error(errno, "copy a slide");
        }
        if (copied == 0) {
            return false; // some file systems answer so: reading tells whether it is the end
        }
        range.offset += static_cast<std::uint64_t>(copied);
        range.bytes -= static_cast<std::uint64_t>(copied);
    }
    return true;
}

} // namespace

void write_at(int fd, std::uint64_t offset, std::string_view bytes)
{
    while (!bytes.empty()) {
        const auto written = ::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset));
        if (written < 0) {
            if (errno == EINTR) {
                continue;
            }
            throw os_error(errno, "write a slide");
        }
        bytes.remove_prefix(static_cast<std::size_t>(written));
        offset += static_cast<std::uint64_t>(written);
    }
}

void write_zeros(int fd, const ByteRange& range)
{
    constexpr std::uint64_t worth_a_hole = 65'536;
    if (range.bytes >= worth_a_hole
        && ::fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                       static_cast<off_t>(range.offset), static_cast<off_t>(range.bytes))
               == 0) {
        return;
    }
    const std::string zeros(std::min(block, range.bytes), '\0');
    for (std::uint64_t done = 0; done < range.bytes;) {
        const auto count = std::min<std::uint64_t>(zeros.size(), range.bytes - done);
        write_at(fd, range.offset + done, std::string_view{zeros}.substr(0, count));
        done += count;
    }
}

void copy_ranges(int from, int to, std::uint64_t size, const ByteRanges& kept)
{
    // Tiles lie a byte or two apart: what is between them is copied with them, and then emptied.
    constexpr std::uint64_t page = 4096;
    if (::ioctl(to, FICLONE, from) == 0) {
        for (const auto& gap : kept.gaps(size).ranges()) {
            write_zeros(to, gap);
        }
        return;
    }
    if (::ftruncate(to, static_cast<off_t>(size)) != 0) {
        throw os_error(errno, "make room for a slide");
    }
    bool is_in_kernel = true;
    for (auto range : kept.joined_over(page).ranges()) {
        is_in_kernel = is_in_kernel && copy_in_kernel(from, to, range);
        if (!is_in_kernel) {
            copy_by_hand(from, to, range);
        }
    }
    for (const auto& gap : kept.gaps(size).ranges()) {
        if (gap.bytes <= page) {
            write_zeros(to, gap);
        }
    }
}

} // namespace fiona::wsi
