// SPDX-License-Identifier: MIT
#include "libfiona/triggers/users.h"

#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/base/json.h"

#include <vector>

namespace fiona::triggers {

namespace {

/// Entries of a list by number and by name.
using Entries = std::map<std::string, const json::Value*, std::less<>>;

const json::Array& list_in(const json::Value& object, std::string_view key)
{
    static const json::Array none;
    const auto* const found = object.find(key);
    return found == nullptr || found->is_null() ? none : found->array();
}

Entries entries_of(const json::Value& document, std::string_view key)
{
    Entries entries;
    for (const auto& entry : list_in(document, key)) {
        entries[entry.text("name")] = &entry;
        entries[entry.text("id")] = &entry;
    }
    return entries;
}

/// The name of what is named or numbered in a list.
std::string name_of(const json::Value& reference, const Entries& entries)
{
    const auto text = reference.text();
    const auto found = entries.find(text);
    return found == entries.end() ? text : found->second->text("name", text);
}

void add_project(std::set<std::string, std::less<>>& projects, const std::string& name)
{
    constexpr std::string_view prefix = "Project";
    projects.insert(name);
    if (name.starts_with(prefix)) {
        projects.insert(name.substr(prefix.size()));
    }
}

std::set<std::string, std::less<>> projects_of(const json::Value& user, const Entries& roles,
                                               const Entries& permissions)
{
    std::set<std::string, std::less<>> projects;
    for (const auto& project : list_in(user, "projects")) {
        projects.insert(project.string());
    }
    for (const auto& reference : list_in(user, "roles")) {
        add_project(projects, name_of(reference, roles));
        const auto role = roles.find(reference.text());
        if (role != roles.end()) {
            for (const auto& permission : list_in(*role->second, "permissions")) {
                add_project(projects, name_of(permission, permissions));
            }
        }
    }
    projects.erase("");
    return projects;
}

std::optional<notify::Mailbox> mailbox_of(const json::Value& user)
{
    try {
        return notify::Mailbox{"", MailAddress{user.text("email")}};
    } catch (const Error&) { // whoever wants a mail says that there is no address
        return std::nullopt;
    }
}

} // namespace

Users Users::load(const std::filesystem::path& file)
{
    const auto text = read_file_if_any(file);
    if (!text) {
        throw Error{Fault::config, "no users at {}: nobody's address is known", file.native()};
    }
    Users users;
    try {
        const auto document = json::parse(*text, file.native());
        const auto roles = entries_of(document, "roles");
        const auto permissions = entries_of(document, "permissions");
        for (const auto& user :
             document.is_array() ? document.array() : list_in(document, "users")) {
            users.m_users.insert_or_assign(
                user.text("name"), User{mailbox_of(user), projects_of(user, roles, permissions)});
        }
        users.m_users.erase("");
    } catch (const Error& e) {
        throw Error{Fault::config, "{}: {}", file.native(), e.what()};
    }
    return users;
}

std::optional<notify::Mailbox> Users::mailbox(std::string_view user) const
{
    const auto found = m_users.find(user);
    return found == m_users.end() ? std::nullopt : found->second.mailbox;
}

bool Users::belongs(std::string_view user, std::string_view project) const
{
    const auto found = m_users.find(user);
    return found != m_users.end() && found->second.projects.contains(project);
}

} // namespace fiona::triggers
