// SPDX-License-Identifier: MIT
#include "libfiona/base/files.h"

#include "libfiona/base/error.h"
#include "libfiona/base/unique_fd.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace fiona {

namespace fs = std::filesystem;

namespace {

std::string read_all(int fd, const fs::path& path, std::size_t max_bytes)
{
    std::string content;
    std::array<char, 8192> block{}; // most files that are read whole are smaller
    for (;;) {
        const auto got = ::read(fd, block.data(), block.size());
        if (got < 0) {
            if (errno == EINTR) {
                continue;
            }
            throw os_error(errno, fmt::format("read {}", path.native()));
        }
        if (got == 0) {
            return content;
        }
        content.append(block.data(), static_cast<std::size_t>(got));
        if (content.size() > max_bytes) {
            throw Error{Fault::data, "{} has more than the {} bytes allowed", path.native(),
                        max_bytes};
        }
    }
}

/// True if the directory is there now; else errno says why not.
bool make_one(const fs::path& directory)
{
    if (::mkdir(directory.c_str(), 0750) == 0) {
        return true;
    }
    if (errno != EEXIST) {
        return false;
    }
    struct stat status {};
    if (::stat(directory.c_str(), &status) == 0 && S_ISDIR(status.st_mode)) {
        return true;
    }
    errno = ENOTDIR; // something else has the name, or a link to nowhere
    return false;
}

} // namespace

std::string read_file(const fs::path& path, std::size_t max_bytes)
{
    const UniqueFd fd{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
    if (!fd) {
        throw os_error(errno, fmt::format("open {}", path.native()));
    }
    return read_all(fd.get(), path, max_bytes);
}

std::optional<std::string> read_file_if_any(const fs::path& path, std::size_t max_bytes)
{
    const UniqueFd fd{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
    if (!fd && errno == ENOENT) {
        return std::nullopt;
    }
    if (!fd) {
        throw os_error(errno, fmt::format("open {}", path.native()));
    }
    return read_all(fd.get(), path, max_bytes);
}

Private<std::string> read_secret_file(const fs::path& path)
{
    const UniqueFd fd{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW)};
    if (!fd) {
        throw Error{Fault::config, "cannot open the secret file {}: {}", path.native(),
                    std::generic_category().message(errno)};
    }
    struct stat status {};
    if (::fstat(fd.get(), &status) != 0) {
        throw os_error(errno, fmt::format("stat {}", path.native()));
    }
    if (!S_ISREG(status.st_mode) || (status.st_mode & 077U) != 0) {
        throw Error{Fault::config, "{} holds secrets: it must be a regular file of mode 0600",
                    path.native()};
    }
    if (status.st_uid != 0 && status.st_uid != ::geteuid()) {
        throw Error{Fault::config,
                    "{} holds secrets: it must belong to root or to the user of "
                    "this program",
                    path.native()};
    }
    return Private{read_all(fd.get(), path, std::size_t{1} << 20U)};
}

void write_all(int fd, std::string_view bytes, std::string_view what)
{
    while (!bytes.empty()) {
        const auto written = ::write(fd, bytes.data(), bytes.size());
        if (written < 0) {
            if (errno == EINTR) {
                continue;
            }
            throw os_error(errno, fmt::format("write {}", what));
        }
        bytes.remove_prefix(static_cast<std::size_t>(written));
    }
}

void sync_directory(const fs::path& directory)
{
    const UniqueFd fd{::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    if (!fd || ::fsync(fd.get()) != 0) {
        throw os_error(errno, fmt::format("sync {}", directory.native()));
    }
}

void make_directories(const fs::path& directory)
{
    if (directory.empty() || make_one(directory)) {
        return;
    }
    if (errno != ENOENT || !directory.has_parent_path()) {
        throw os_error(errno, fmt::format("make directory {}", directory.native()));
    }
    make_directories(directory.parent_path());
    if (!make_one(directory)) {
        throw os_error(errno, fmt::format("make directory {}", directory.native()));
    }
}

std::vector<fs::path> input_files(const fs::path& path)
{
    std::vector<fs::path> files;
    std::error_code problem;
    if (!fs::is_directory(path, problem)) {
        if (fs::exists(path, problem)) {
            files.push_back(path);
        }
    } else {
        for (const auto& entry : fs::recursive_directory_iterator{path}) {
            if (entry.is_regular_file(problem)) {
                files.push_back(entry.path());
            }
        }
        std::ranges::sort(files);
    }
    if (files.empty()) {
        // Not its path: what people call their inputs may be a name.
        throw Error{Fault::missing, "the input holds no file, or is not there"};
    }
    return files;
}

std::vector<std::string> visible_names(const fs::path& directory)
{
    std::vector<std::string> names;
    std::error_code problem;
    fs::directory_iterator entry{directory, problem};
    for (; !problem && entry != fs::directory_iterator{}; entry.increment(problem)) {
        auto name = entry->path().filename().native();
        if (name.front() != '.') {
            names.push_back(std::move(name));
        }
    }
    if (problem && problem != std::errc::no_such_file_or_directory) {
        throw os_error(problem.value(), fmt::format("read {}", directory.native()));
    }
    return names;
}

} // namespace fiona
