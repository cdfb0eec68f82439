// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/wsi/slide.h"

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace fiona::wsi {

enum class MacroImage { remove, blank_label };

struct StripOptions {
    MacroImage macro = MacroImage::remove;
    /// Left part of the macro image that is blanked, 0 to 1; SVS 0.35, NDPI 0.30 of the width.
    double label_fraction = 0.0; ///< 0: the format's own
    /// The upload's base name without extension: must not be found in the copy.
    Private<std::string> original_name;
};

struct StripReport {
    std::size_t removed_images = 0; ///< directories unlinked and overwritten
    std::size_t blanked_images = 0;
    std::size_t cleaned_values = 0;
    std::uint64_t bytes = 0; ///< of the copy
    std::string sha256;      ///< of the copy
};

/// A copy of the slide in its own format without label, macro and identifying values: copied (reflink
/// where the file system can), patched in place, synced, and then read again by a second, independent
/// pass. Levels keep every bit of their pixels; comments in their code streams become zeros. `to` must not exist; after an Error it does not exist.
/// Throws Error{Fault::data} for a slide that cannot be proven clean, Fault::io, Fault::no_space as the
/// project's other writers do.
StripReport write_stripped_copy(const Slide& slide, const std::filesystem::path& to,
                                const StripOptions& options);

} // namespace fiona::wsi
