// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/csv.h"
#include "libfiona/redcapd/schema.h"

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

/// Data dictionaries as files: REDCap's CSV with 18 columns beside a small JSON that says what the
/// CSV cannot: title, events, which form in which event, what repeats.
namespace fiona::redcapd {

struct Dictionary {
    std::vector<Field> fields; ///< Field::form is an index into `forms`
    std::vector<Form> forms;   ///< in the order in which the fields name them
};

/// Checks names, types and choices. Throws Error{Fault::data} naming `what` and the field.
[[nodiscard]] Dictionary make_dictionary(std::vector<DictionaryRow> rows, std::string_view what);
/// Rows with a header: either dictionary_headers or dictionary_keys, in any order.
[[nodiscard]] std::vector<DictionaryRow> dictionary_rows(const csv::Rows& rows,
                                                         std::string_view what);

/// `NAME.csv` and `NAME.json` of `directory`. `events`: labels of further events of arm 1;
/// a classic template takes none (Error{Fault::usage}). Throws Error{Fault::missing} and
/// Error{Fault::data} naming the file.
[[nodiscard]] Schema read_template(const std::filesystem::path& directory, const std::string& name,
                                   const std::vector<std::string>& events = {});

} // namespace fiona::redcapd
