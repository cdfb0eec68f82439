// SPDX-License-Identifier: MIT
#include "libfiona/redcapd/stored_file.h"

#include "libfiona/base/text.h"

#include <array>
#include <utility>

namespace fiona::redcapd {

std::optional<StoredFile> find_file(Database& database, std::int64_t record,
                                    std::string_view number)
{
    Query query{database, "SELECT name, bytes FROM file WHERE record = ? AND id = ?", record,
                number};
    if (!query.next()) {
        return std::nullopt;
    }
    return StoredFile{query.text(0), query.text(1)};
}

std::string_view media_type(std::string_view name)
{
    constexpr std::array<std::pair<std::string_view, std::string_view>, 8> types{{
        {".txt", "text/plain"},
        {".log", "text/plain"},
        {".csv", "text/csv"},
        {".json", "application/json"},
        {".pdf", "application/pdf"},
        {".png", "image/png"},
        {".jpg", "image/jpeg"},
        {".zip", "application/zip"},
    }};
    const auto lower = lower_case(name);
    for (const auto& [ending, type] : types) {
        if (lower.ends_with(ending)) {
            return type;
        }
    }
    return "application/octet-stream";
}

} // namespace fiona::redcapd
