// SPDX-License-Identifier: MIT
#include "libfiona/routing/permissions.h"

#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/base/json.h"

#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <vector>

namespace fiona::routing {

namespace {

/// Whoever ran sudo; nothing if it was not sudo.
std::optional<std::string> sudo_user()
{
    const auto* const user = std::getenv("SUDO_USER"); // NOLINT(concurrency-mt-unsafe) one thread
    return user == nullptr || *user == '\0' ? std::nullopt : std::optional<std::string>{user};
}

std::set<std::string> groups_of(const passwd& user)
{
    constexpr int most_groups = 65'536; // NGROUPS_MAX of Linux
    std::vector<gid_t> ids(most_groups);
    int count = most_groups;
    if (::getgrouplist(user.pw_name, user.pw_gid, ids.data(), &count) < 0) {
        throw Error{Fault::permission, "the groups of the user cannot be read"};
    }
    std::set<std::string> names;
    for (int i = 0; i < count; ++i) {
        // NOLINTNEXTLINE(concurrency-mt-unsafe) one thread
        if (const auto* const group = ::getgrgid(ids[static_cast<std::size_t>(i)])) {
            names.emplace(group->gr_name);
        }
    }
    return names;
}

} // namespace

Permissions Permissions::load(const std::filesystem::path& file)
{
    struct stat status {};
    if (::stat(file.c_str(), &status) != 0) {
        if (errno == ENOENT) {
            return {};
        }
        throw os_error(errno, "look at " + file.native());
    }
    if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
        throw Error{Fault::config, "{} may be written by others than its owner: chmod go-w",
                    file.native()};
    }
    const auto text = read_file(file);
    const auto person = sudo_user();
    if (!person && (::getuid() == 0 || ::getuid() == status.st_uid)) {
        static_cast<void>(parse(text, {})); // a broken file is found by its owner first
        return {};
    }
    // NOLINTNEXTLINE(concurrency-mt-unsafe) one thread
    const auto* const user = person ? ::getpwnam(person->c_str()) : ::getpwuid(::getuid());
    if (user == nullptr) {
        throw Error{Fault::permission, "this user is not known here"};
    }
    return parse(text, groups_of(*user));
}

Permissions Permissions::parse(std::string_view text, const std::set<std::string>& groups)
{
    Permissions permissions;
    auto& projects = permissions.m_projects.emplace();
    try {
        const auto document = json::parse(text, "the groups");
        for (const auto& [group, list] : document.object()) {
            for (const auto& project : list.array()) {
                if (groups.contains(group)) {
                    projects.insert(project.string());
                }
            }
        }
    } catch (const Error& e) {
        throw Error{Fault::config,
                    "assign-groups.json must map Unix groups to lists of projects: {}", e.what()};
    }
    return permissions;
}

bool Permissions::allows(std::string_view project) const
{
    return !m_projects || m_projects->contains("*") || m_projects->contains(project);
}

void Permissions::check(const ProjectName& project) const
{
    if (!allows(project.str())) {
        throw Error{Fault::permission,
                    "your groups may not use project {} (assign-groups.json of the site)", project};
    }
}

} // namespace fiona::routing
