// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/wsi/byte_ranges.h"
#include "libfiona/wsi/stripped_copy.h"

#include <string>
#include <string_view>
#include <vector>

/// What a clean copy of a slide consists of, worked out before a byte is written.
namespace fiona::wsi {

struct Patch {
    std::uint64_t offset = 0;
    std::string bytes{};
};

struct StripPlan {
    std::vector<std::size_t> kept;    ///< directories: levels, thumbnail, a macro to be blanked
    std::vector<std::size_t> removed; ///< directories
    std::optional<std::size_t> macro; ///< the directory to be blanked
    ByteRanges pixels;                ///< tiles and strips of what is kept
    ByteRanges all;                   ///< what is kept; every other byte of the copy is zero
    ByteRanges gone;                  ///< pictures and values that must have become zero
    std::vector<Patch> patches;       ///< directories, links and texts, as the copy has them
    std::size_t cleaned_values = 0;
};

/// Texts that a copy may not hold, each as it is in the file and in UTF-16 of either order: the slide's
/// identifying values of four bytes and more, and `original_name`.
[[nodiscard]] std::vector<std::string> forbidden_texts(const Slide& slide,
                                                       const Private<std::string>& original_name);

/// Whether a text found at `at` counts: a number of four or five digits is no name inside a longer number.
[[nodiscard]] bool is_whole(std::string_view bytes, std::size_t at, std::string_view text);

/// Throws Error{Fault::data} if what has to go shares bytes with what has to stay.
[[nodiscard]] StripPlan strip_plan(const Slide& slide, const StripOptions& options);

} // namespace fiona::wsi
