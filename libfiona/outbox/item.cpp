// SPDX-License-Identifier: MIT
#include "libfiona/outbox/item.h"

#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/base/md5.h"
#include "libfiona/store/atomic_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <map>

namespace fiona::outbox {

namespace fs = std::filesystem;

namespace {

bool is_legal(std::string_view base)
{
    constexpr std::size_t longest = 200; // with its endings it is still a file name
    return !base.empty() && base.size() <= longest && base[0] != '.' && base[0] != '-'
           && std::ranges::all_of(base, [](char c) {
                  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')
                         || c == '_' || c == '.' || c == '-';
              });
}

TimePoint time_of(const struct stat& status)
{
    return TimePoint{std::chrono::duration_cast<Clock::duration>(
        std::chrono::seconds{status.st_mtim.tv_sec}
        + std::chrono::nanoseconds{status.st_mtim.tv_nsec})};
}

void read_through(const OpenFile& file, std::uint64_t bytes, const auto& take)
{
    std::array<char, std::size_t{1} << 18U> block{};
    std::uint64_t offset = 0;
    const auto end = std::min(bytes, file.bytes);
    while (offset < end) {
        const auto wanted = std::min<std::uint64_t>(block.size(), end - offset);
        const auto got = ::pread(file.fd.get(), block.data(), wanted, static_cast<off_t>(offset));
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            throw os_error(got < 0 ? errno : EIO, "read a file of the outbox");
        }
        take(std::string_view{block.data(), static_cast<std::size_t>(got)});
        offset += static_cast<std::uint64_t>(got);
    }
}

void copy_across(const fs::path& from, const fs::path& to)
{
    const auto source = open_file(from);
    if (!source) {
        throw Error{Fault::missing, "a file of the outbox has gone"};
    }
    store::AtomicFile target{to};
    read_through(*source, source->bytes, [&](std::string_view bytes) { target.write(bytes); });
    struct stat status {};
    if (::fstat(source->fd.get(), &status) == 0) {
        target.set_time_like(status);
    }
    target.commit();
    if (::unlink(from.c_str()) != 0) {
        throw os_error(errno, "remove a file of the outbox");
    }
}

} // namespace

Scan scan(const fs::path& directory)
{
    std::map<std::string, Item> items;
    Scan found;
    for (const auto& entry : fs::directory_iterator{directory}) {
        const auto name = entry.path().filename().native();
        const auto ending = entry.path().extension().native();
        const bool is_data = ending == data_ending;
        const bool is_digest = ending == digest_ending;
        if (name.starts_with('.') || !(is_data || is_digest || ending == description_ending)) {
            continue;
        }
        const auto base = name.substr(0, name.size() - ending.size());
        const auto file = is_legal(base) ? open_file(entry.path()) : std::nullopt;
        if (!file) {
            found.refused.push_back(name);
            continue;
        }
        auto& item = items[base];
        item.base = base;
        (is_data ? item.has_data : is_digest ? item.has_digest : item.has_description) = true;
        item.newest = std::max(item.newest, file->modified);
    }
    for (auto& [base, item] : items) {
        found.items.push_back(std::move(item));
    }
    std::ranges::stable_sort(found.items, {}, &Item::newest);
    return found;
}

std::optional<OpenFile> open_file(const fs::path& path)
{
    // Without O_NONBLOCK a FIFO of that name would hold us for ever.
    UniqueFd fd{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)};
    if (!fd) {
        if (errno == ENOENT || errno == ELOOP || errno == ENXIO) {
            return std::nullopt;
        }
        throw os_error(errno, "open " + path.native());
    }
    struct stat status {};
    if (::fstat(fd.get(), &status) != 0) {
        throw os_error(errno, "look at " + path.native());
    }
    if (!S_ISREG(status.st_mode)) {
        return std::nullopt;
    }
    return OpenFile{std::move(fd), static_cast<std::uint64_t>(status.st_size), time_of(status),
                    fmt::format("{} {}.{:09} {}", status.st_size, status.st_mtim.tv_sec,
                                status.st_mtim.tv_nsec, status.st_ino)};
}

std::string md5_of(const OpenFile& file, std::uint64_t bytes)
{
    Md5 digest;
    read_through(file, bytes, [&](std::string_view piece) { digest.add(piece); });
    return digest.finish();
}

void move_file(const fs::path& from, const fs::path& to)
{
    if (const auto taken = open_file(to)) {
        const auto mine = open_file(from);
        if (!mine || md5_of(*mine) != md5_of(*taken)) {
            throw Error{Fault::data, "{} is there already, with another content", to.native()};
        }
        if (::unlink(from.c_str()) != 0) {
            throw os_error(errno, "remove a file of the outbox");
        }
    } else if (::rename(from.c_str(), to.c_str()) != 0) {
        if (errno != EXDEV) {
            throw os_error(errno, "move to " + to.native());
        }
        copy_across(from, to);
    }
    sync_directory(to.parent_path());
    sync_directory(from.parent_path());
}

} // namespace fiona::outbox
