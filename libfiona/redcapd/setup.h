// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/dates.h"
#include "libfiona/base/mode.h"
#include "libfiona/base/private.h"
#include "libfiona/base/sqlite.h"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

/// Making the database of the embedded server: the six projects FIONA works with, and a project
/// of its own for each research project.
namespace fiona::redcapd {

struct InitFiles {
    std::filesystem::path database;
    std::filesystem::path tokens_file;
    std::filesystem::path schemas; ///< directory of the templates
};

struct InitReport {
    std::vector<std::string> projects_made;
    std::vector<std::string> tokens_made; ///< roles, never tokens
};

/// Creates what is missing of: the database, the projects incoming, routing, coupling, dtp, autoid,
/// ids7 (from `schemas`), and a line `role = TOKEN` for each in `tokens_file` (mode 0600).
///
/// tokens_file  database
///      -          -       a token is made
///      +          -       crashed in between, or the database is new: its hash is stored
///      -          +       the file was lost: a new token is made, the old one stays valid
///      +          +       nothing to do
///
/// A dry run reads, reports what is missing and makes nothing, no directory either.
InitReport initialize(const InitFiles& files, TimePoint now, Mode mode = Mode::apply);

/// What a new token is for.
struct Grant {
    std::string project; ///< name or title
    std::string account; ///< who it says it is in the log
    unsigned rights = 0;
};

/// Makes a token and stores its hash. Throws Error{Fault::missing}: no such project.
[[nodiscard]] Private<std::string> grant_token(Database& database, const Grant& grant,
                                               TimePoint now);

struct NewProject {
    std::string title;
    std::string schema;              ///< name of a template, e.g. research-project
    std::vector<std::string> events; ///< labels, after those of the template
};

/// Creates a project with all rights for the account `fiona`, and adds it to the destinations a
/// routing rule can choose (routing_dest_project). Throws Error{Fault::data} if there is a project
/// of that name or title. A dry run makes the same checks; its token is worth nothing.
[[nodiscard]] Private<std::string> create_project(Database& database, const NewProject& wanted,
                                                  const std::filesystem::path& schemas,
                                                  TimePoint now, Mode mode = Mode::apply);

} // namespace fiona::redcapd
