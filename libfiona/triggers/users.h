// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/notify/mail.h"

#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>

namespace fiona::triggers {

/// Who the users are, where they get their mail, and which projects they belong to. Read at every run: who
/// has left a project gets nothing more.
///
/// `{"users": [{"name":..,"email":..,"projects":[..],"roles":[..]}], "roles": [{"id":..,"name":..,
/// "permissions":[..]}], "permissions": [{"id":..,"name":..}]}` as the web pages keep it; roles and
/// permissions are named or numbered. A user belongs to a project that is in `projects`, or that one of
/// the user's roles or permissions is named after (`DEMO` or `ProjectDEMO`).
class Users {
public:
    /// Throws Error{Fault::config} if the file is missing or no such thing: without it nobody gets mail.
    [[nodiscard]] static Users load(const std::filesystem::path& file);

    /// Nothing for somebody unknown, or without an address that could be one.
    [[nodiscard]] std::optional<notify::Mailbox> mailbox(std::string_view user) const;
    [[nodiscard]] bool belongs(std::string_view user, std::string_view project) const;

private:
    struct User {
        std::optional<notify::Mailbox> mailbox;
        std::set<std::string, std::less<>> projects;
    };
    std::map<std::string, User, std::less<>> m_users;
};

} // namespace fiona::triggers
