// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/json.h"
#include "libfiona/redcap/client.h"

#include <string>
#include <vector>

namespace fiona::redcap {

/// The rows of a flat JSON export. `body` is taken apart in place and useless afterwards: exports
/// are large and copying them once more would double the memory. Throws Error{Fault::temporary} if
/// the body is not a complete JSON list of flat objects, Error{Fault::protocol} if a row has no
/// `record_id_field`.
[[nodiscard]] std::vector<Row> parse_rows(std::string& body, const std::string& record_id_field);

/// One row as REDCap's import takes it.
[[nodiscard]] json::Object row_object(const Row& row, const std::string& record_id_field);

} // namespace fiona::redcap
