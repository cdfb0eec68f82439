// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/json.h"
#include "libfiona/wsi/slide_record.h"

#include <string>
#include <string_view>

/// How a slide that stays a file is called in the folder of the pathology's import, and what the importer
/// reads beside it.
namespace fiona::wsi {

/// One part of a path: `/`, control characters, bytes that are no UTF-8 and dots in front become `_`; at
/// most 200 bytes.
[[nodiscard]] std::string safe_name(std::string_view text);

/// The code of "Kidney [64033007]", the text as it is without one, `unknown` for "".
[[nodiscard]] std::string specimen_name(const SlideRecord& record);
/// "<slide> 06 HE" of "[12710003] 06 HE", the text as it is without a code, `unknown` for "".
[[nodiscard]] std::string stain_name(const SlideRecord& record);

/// Without extension.
[[nodiscard]] std::string import_name(const SlideRecord& record);
/// The content of the `.import` file.
[[nodiscard]] json::Object import_content(const SlideRecord& record);

} // namespace fiona::wsi
