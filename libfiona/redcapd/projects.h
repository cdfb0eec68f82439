// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/dates.h"
#include "libfiona/base/sqlite.h"
#include "libfiona/redcapd/schema.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// The tables of the embedded server, and the projects in them.
namespace fiona::redcapd {

/// Creates or upgrades the tables (PRAGMA user_version) in one transaction. Throws Error{Fault::config} if the file
/// was made by a newer version of the program, or by another program.
void prepare_tables(Database& database);

struct ProjectEntry {
    std::int64_t id = 0;
    std::string name;
    std::string title;
    bool longitudinal = false;
    std::int64_t records = 0;
};
[[nodiscard]] std::vector<ProjectEntry> list_projects(Database& database);
/// By name, else by title.
[[nodiscard]] std::optional<ProjectEntry> find_project(Database& database, std::string_view name);

/// Throws Error{Fault::internal} if there is no such project.
[[nodiscard]] Schema load_schema(Database& database, std::int64_t project);

/// Appends an event to its arm; returns its id.
std::int64_t store_event(Database& database, std::int64_t project, const Event& event);
void store_setting(Database& database, std::int64_t project, std::string_view name,
                   std::string_view value);
/// Writes a new project with all of its parts; returns its id.
std::int64_t store_project(Database& database, const Schema& schema);
/// Replaces the dictionary of a project: fields, and forms with them. Stored values of fields
/// that are gone stay in the database and are no longer seen.
void replace_dictionary(Database& database, std::int64_t project, const std::vector<Field>& fields,
                        const std::vector<Form>& forms);

/// One line of a project's log (content=log). `details` never holds the value of an identifier.
struct LogEntry {
    std::string account;
    std::string action;
    std::string details;
    std::string record;
};
void write_log(Database& database, std::int64_t project, TimePoint now, const LogEntry& entry);

} // namespace fiona::redcapd
