// SPDX-License-Identifier: MIT
#include "libfiona/store/request_files.h"

#include "libfiona/base/error.h"
#include "libfiona/base/files.h"

#include <sys/stat.h>

namespace fiona::store::files {

namespace fs = std::filesystem;

bool exists(const fs::path& path)
{
    return modified(path).has_value();
}

std::optional<TimePoint> modified(const fs::path& path)
{
    struct stat status {};
    if (::lstat(path.c_str(), &status) != 0) {
        if (errno == ENOENT || errno == ENOTDIR) {
            return std::nullopt;
        }
        throw os_error(errno, "look at a request");
    }
    return TimePoint{std::chrono::duration_cast<Clock::duration>(
        std::chrono::seconds{status.st_mtim.tv_sec}
        + std::chrono::nanoseconds{status.st_mtim.tv_nsec})};
}

std::vector<std::string> requests_in(const fs::path& directory)
{
    auto names = visible_names(directory);
    std::erase_if(names, [](const std::string& name) {
        return !name.ends_with(".json") || name.ends_with(".state.json")
               || name.ends_with(".result.json");
    });
    return names;
}

std::vector<fs::path> work_directories(const Paths& paths)
{
    std::vector<fs::path> directories;
    for (const auto& name : visible_names(paths.work())) {
        std::error_code ignored; // one that goes meanwhile is none
        if (fs::is_directory(paths.work() / name, ignored)) {
            directories.push_back(paths.work() / name);
        }
    }
    return directories;
}

} // namespace fiona::store::files
