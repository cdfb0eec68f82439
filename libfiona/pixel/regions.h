// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/pixel/gray.h"

#include <filesystem>
#include <map>
#include <string>
#include <vector>

class DcmItem;

namespace fiona::pixel {

/// What is known of a device: where its pictures carry text, or that they carry none.
///
///     [{"match": {"Manufacturer": "ACME", "Rows": "480"}, "boxes": [[0, 0, 640, 48]]},
///      {"match": {"Modality": "MR", "ImageType": "ORIGINAL\\PRIMARY"}, "clean": true}]
struct RegionRule {
    /// Keyword -> what must be in the attribute, letters of either case; all must match. Of texts
    /// (LO, SH, PN, ST, LT, UC, UT) a part is enough; of all else (UIDs, codes, numbers, dates) it is
    /// a whole value, or several in their order with backslashes between.
    std::map<std::string, std::string> match;
    std::vector<Box> boxes; ///< always hidden, in every frame
    bool is_clean = false;  ///< nothing else is looked for
};

/// Throws Error{Fault::config} that says what is wrong with the file.
[[nodiscard]] std::vector<RegionRule> read_regions(const std::filesystem::path& file);

/// What all rules that match say together.
struct KnownRegions {
    std::vector<Box> boxes;
    bool is_clean = false;
};
[[nodiscard]] KnownRegions known_regions(const std::vector<RegionRule>& rules, DcmItem& data_set);

} // namespace fiona::pixel
