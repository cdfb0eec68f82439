// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/config.h"
#include "libfiona/base/json.h"
#include "libfiona/base/mode.h"

#include <cstdint>
#include <filesystem>
#include <string>

namespace fiona::wsi {

/// A slide that a person files by hand.
struct Attachment {
    std::filesystem::path file;
    json::Object
        values; ///< keys of the upload's JSON; those that are not given come from the file's name
};

struct Attached {
    std::string id;   ///< of the upload
    std::string name; ///< of the image below uploads/: says nothing but pseudonym and digest
    std::uint64_t bytes = 0;
    bool is_new = false; ///< false: the same slide with the same values waits already
};

/// Files it as the Attach page does: the image is copied and synced, the JSON comes last. The image gets a name
/// of its own, for the one it has may tell whose it is. Throws Error{Fault::data} if a value is missing or
/// not allowed, or the file is no slide; Fault::temporary if another upload of that slide waits.
[[nodiscard]] Attached attach(const Config& config, const Attachment& attachment, Mode mode);

} // namespace fiona::wsi
