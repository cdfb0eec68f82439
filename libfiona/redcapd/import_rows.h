// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/redcapd/call.h"
#include "libfiona/redcapd/data_rows.h"

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

/// An import before it touches the database: every row read and checked against the schema.
namespace fiona::redcapd {

enum class Blanks {
    ignore, ///< overwriteBehavior=normal
    erase,  ///< overwriteBehavior=overwrite
};

/// The parameter dateFormat.
enum class Dates { year_first, month_first, day_first };

struct ImportStyle {
    Blanks blanks = Blanks::ignore;
    Dates dates = Dates::year_first;
};

struct ImportRow {
    std::string record;
    std::size_t event = 0;
    std::optional<std::size_t> form;                         ///< repeating form
    std::int64_t instance = 1;                               ///< 0: "new", the next free one
    std::vector<std::pair<std::size_t, std::string>> values; ///< column index, value
};

/// Checks all of it. Throws Refusal with REDCap's text naming every unknown field, else every
/// unknown event, else every bad value (the first 1000).
[[nodiscard]] std::vector<ImportRow>
checked_rows(const Schema& schema, const std::vector<DataRow>& sent, ImportStyle style = {});

/// Rows of type eav (record, field_name, value) as flat ones, one each.
[[nodiscard]] std::vector<DataRow> flat_rows(const Schema& schema,
                                             const std::vector<DataRow>& sent);

/// Writes rows and record.modified, checks what must be unique, and logs one line for each record
/// that changed.
void store_rows(const Call& call, const std::vector<ImportRow>& rows);

} // namespace fiona::redcapd
