// SPDX-License-Identifier: MIT
#include "libfiona/site/places.h"

#include <fmt/format.h>

#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>

namespace fiona::site {

namespace fs = std::filesystem;

namespace {

struct Owner {
    std::string user;
    std::string group;
};

/// Numbers where there are no names.
Owner owner_of(const fs::path& directory)
{
    struct stat status {};
    if (::stat(directory.c_str(), &status) != 0) {
        status.st_uid = ::getuid();
        status.st_gid = ::getgid();
    }
    const auto* const user = ::getpwuid(status.st_uid); // NOLINT(concurrency-mt-unsafe) one thread
    Owner owner{user != nullptr ? user->pw_name : std::to_string(status.st_uid), {}};
    const auto* const group = ::getgrgid(status.st_gid); // NOLINT(concurrency-mt-unsafe) one thread
    owner.group = group != nullptr ? group->gr_name : std::to_string(status.st_gid);
    return owner;
}

} // namespace

std::string replaced(std::string text, std::string_view what, std::string_view with)
{
    for (auto at = text.find(what); at != std::string::npos;
         at = text.find(what, at + with.size())) {
        text.replace(at, what.size(), with);
    }
    return text;
}

std::string with_places(std::string text, const fs::path& config_file, const Paths& paths)
{
    const auto owner = owner_of(paths.data);
    const std::array<std::pair<std::string_view, std::string>, 11> places{
        {{"@CONFIG@", config_file.native()},
         {"@PIDS@", paths.pids().native()},
         {"@LOGS@", paths.logs().native()},
         {"@DATA@", paths.data.native()},
         {"@PROCESSING@", paths.processing.native()},
         {"@SERVER@", paths.server.native()},
         {"@APPLICATIONS@", paths.applications.native()},
         {"@EXPORT@", paths.export_root.native()},
         {"@USER@", owner.user},
         {"@GROUP@", owner.group},
         {"@BIN@", fs::read_symlink("/proc/self/exe").parent_path().native()}}};
    for (const auto& [name, place] : places) {
        text = replaced(std::move(text), name, place);
    }
    return text;
}

} // namespace fiona::site
