// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/ids.h"
#include "libfiona/base/json.h"
#include "libfiona/wsi/slide_record.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fiona::wsi {

/// What somebody filed: the JSON beside a slide. Every value is data of a stranger.
struct Upload {
    json::Object content; ///< everything the file holds, kept as it was
    ProjectName project;
    ParticipantId participant; ///< record_id
    EventName event;
    SlideRecord record;
    std::vector<std::string>
        image; ///< `file` below uploads/, part by part: no `.`, `..`, empty ones
    std::optional<std::uint64_t> size; ///< bytes of the whole image
    std::optional<std::string> md5;    ///< of it, 32 lower-case hex digits
    std::string import_folder;         ///< project_pat_import_folder; "" for DICOM
    bool wants_macro = false;          ///< do_not_remove_macro_image
};

/// Throws Error{Fault::data} naming the key that is missing or wrong, never a value.
[[nodiscard]] Upload parse_upload(std::string_view text);

/// The keys of an upload's JSON that the uploader fills, in the order of the Attach page.
[[nodiscard]] const std::vector<std::string_view>& record_keys();

} // namespace fiona::wsi
