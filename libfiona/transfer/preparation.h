// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/json.h"
#include "libfiona/transfer/outcome.h"

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace fiona::transfer {

/// De-identified, verified, on the disk.
struct ReadyObject {
    std::filesystem::path file;
    std::string series_tag, object_tag; ///< of the original; of the new one if it has none
    std::string new_series, new_sop, sop_class;
    std::string sha256; ///< of the file
    std::uint64_t bytes = 0;
    bool is_masked = false; ///< text in its pixels was hidden
    bool is_added = false;  ///< a picture of ours for objects that viewers do not show
};

/// As anonymize_files() has it in the name of the file: capitals, digits and underscores; "" if it has none.
[[nodiscard]] std::string modality_of(const ReadyObject& object);

/// A study up to the moment before it is sent.
struct Preparation {
    Outcome outcome; ///< what is known of it by now
    std::vector<ReadyObject> objects;
};

/// Without original identifiers. Paths are written below `directory`.
[[nodiscard]] json::Value to_json(const Preparation& preparation,
                                  const std::filesystem::path& directory);
/// Throws Error{Fault::data} if it is none.
[[nodiscard]] Preparation preparation_of(const json::Value& json,
                                         const std::filesystem::path& directory);

} // namespace fiona::transfer
