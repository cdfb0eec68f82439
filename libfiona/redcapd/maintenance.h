// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/dates.h"
#include "libfiona/base/sqlite.h"
#include "libfiona/redcapd/dictionary.h"
#include "libfiona/redcapd/schema.h"

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

/// What an operator does to the database beside the API.
namespace fiona::redcapd {

/// A consistent copy with mode 0600 while the server runs. `target` appears whole or not at all; an
/// older file there is replaced. Throws Error{Fault::io}; Error{Fault::temporary} if another backup
/// to the same place is being made.
void back_up(Database& database, const std::filesystem::path& target);

struct CheckReport {
    std::vector<std::string> damage; ///< the file or its tables are broken: restore a backup
    std::vector<std::string> hints;  ///< values that no export shows, and rules that are not kept
};
/// Reads everything, changes nothing. Names projects, fields and counts, never values or records.
[[nodiscard]] CheckReport check_database(Database& database);

/// The 18 columns with their header line.
[[nodiscard]] std::string dictionary_csv(const Schema& schema);
/// Replaces the dictionary of a project; labels and rules of forms that stay are kept. The
/// transaction is the caller's. Throws Error{Fault::data} if the record id would be another field.
void apply_dictionary(Database& database, const Schema& schema, Dictionary dictionary);
/// The instances of a repeating form become unique in these fields of it; none: the rule ends.
/// Throws Error{Fault::usage} for a form or field that is none.
void set_unique_fields(Database& database, const Schema& schema, const std::string& form,
                       const std::vector<std::string>& fields);

} // namespace fiona::redcapd
