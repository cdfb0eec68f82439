// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/redcapd/answer.h"

#include <map>
#include <string>
#include <string_view>
#include <vector>

/// The parameter `data` of an import, in any of its formats.
namespace fiona::redcapd {

/// One row as sent: column name -> text.
using DataRow = std::map<std::string, std::string, std::less<>>;

/// What a value that has parts itself becomes: rights by form are sent as an object.
enum class Parts {
    refuse,
    join, ///< `key:value,key:value`
};

/// JSON: an array of objects. CSV: a header line, then rows. XML: `<records><item>...`, or one
/// element with the values in it. Throws Refusal{406} for text that is none of them, Refusal{400}
/// for another shape.
[[nodiscard]] std::vector<DataRow> data_rows(std::string_view text, Format format, char delimiter,
                                             Parts parts = Parts::refuse);
/// As data_rows(), where a single JSON object is good, too. Refusal{400} unless there is one row.
[[nodiscard]] DataRow data_row(std::string_view text, Format format, char delimiter);

/// "" if there is no such column.
[[nodiscard]] std::string value_of(const DataRow& row, std::string_view name);

} // namespace fiona::redcapd
