// SPDX-License-Identifier: MIT
#include "libfiona/wsi/file_name_pattern.h"

#include "libfiona/base/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string>

namespace fiona::wsi {

json::Object keys_of_file_name(std::string_view name, std::string_view project)
{
    const auto dot = name.rfind('.');
    if (dot == std::string_view::npos) {
        return {};
    }
    const auto extension = lower_case(name.substr(dot + 1));
    constexpr std::array<std::string_view, 9> keys{
        "patho_specimen", "record_id",      "patho_biopsy_id",  "patho_slide_id", "patho_image_id",
        "patho_block_nr", "patho_slide_nr", "patho_department", "patho_stain"};
    const auto parts = split(name.substr(0, dot), '_');
    const bool is_whole = std::ranges::none_of(parts, [](std::string_view p) { return p.empty(); });
    if ((extension != "svs" && extension != "ndpi") || parts.size() != keys.size() || !is_whole) {
        return {};
    }
    json::Object values;
    for (std::size_t i = 0; i < keys.size(); ++i) {
        values.emplace(keys.at(i), parts[i]);
    }
    values["record_id"] = fmt::format("{}_{}", project, parts[1]);
    values["patho_biopsy_nr"] = parts[2];
    return values;
}

} // namespace fiona::wsi
