// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/json.h"

#include <string_view>

namespace fiona::wsi {

/// What wsi2fiona's file names say,
/// `<specimen>_<participant>_<biopsyid>_<slideid>_<imageid>_<block>_<slidenr>_<department>_<stain>.(ndpi|svs)`,
/// as keys of an upload's JSON; record_id is `<project>_<participant>`. The stain stays as it is: nobody
/// looks its code up. Empty if the name is no such name.
[[nodiscard]] json::Object keys_of_file_name(std::string_view name, std::string_view project);

} // namespace fiona::wsi
