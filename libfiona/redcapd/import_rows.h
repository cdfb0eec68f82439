// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/redcapd/call.h"

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

struct ImportRow {
    std::string record;
    std::size_t event = 0;
    std::optional<std::size_t> form;                         ///< repeating form
    std::int64_t instance = 1;                               ///< 0: "new", the next free one
    std::vector<std::pair<std::size_t, std::string>> values; ///< column index, value
};

/// Reads `data` and checks all of it. Throws Refusal with REDCap's text naming every unknown
/// field, else every unknown event, else every bad value (the first 1000).
[[nodiscard]] std::vector<ImportRow> checked_rows(const Call& call, Blanks blanks);

} // namespace fiona::redcapd
