// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/json.h"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

/// Every element of many de-identified files with its values, for a person who looks whether something
/// stayed that should have gone.
namespace fiona::anonymize {

struct ReviewedTag {
    std::string path; ///< "0040,0275>0008,0050"; private ones "0019,[SIEMENS MR HEADER]0C"
    std::string keyword;
    std::string vr;
    std::uint64_t files = 0;           ///< that have it
    std::uint64_t values = 0;          ///< occurrences
    std::size_t distinct = 0;          ///< values
    std::vector<std::string> examples; ///< UTF-8, sorted; binary ones as their size
};

struct TagReview {
    std::uint64_t files = 0;
    std::uint64_t set_aside = 0;   ///< no DICOM, or damaged
    std::vector<ReviewedTag> tags; ///< by path
};

/// Reads headers only. Distinct values are counted by their digests, so that memory grows with their
/// number, not their size. `roots`: files and directories.
[[nodiscard]] TagReview review_tags(const std::vector<std::filesystem::path>& roots,
                                    std::size_t most_examples);
[[nodiscard]] json::Value as_json(const TagReview& review);
/// One page without scripts; every value is escaped.
[[nodiscard]] std::string as_html(const TagReview& review, std::string_view title);

} // namespace fiona::anonymize
