// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/sqlite.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace fiona::redcapd {

/// A file that lies at the place of a value.
struct StoredFile {
    std::string name; ///< as uploaded, in any script
    std::string bytes;
};

/// `number`: the value of a file field of `record`. Nothing if there is no such file of it.
[[nodiscard]] std::optional<StoredFile> find_file(Database& database, std::int64_t record,
                                                  std::string_view number);
/// By the ending of the name; application/octet-stream if it is none that we know.
[[nodiscard]] std::string_view media_type(std::string_view name);

} // namespace fiona::redcapd
