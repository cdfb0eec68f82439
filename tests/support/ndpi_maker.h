// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

/// Synthetic slides as Hamamatsu's scanners write them, of invented people: TIFF with offsets of 64 bits
/// in a layout of its own, each level one JPEG with restart intervals.
namespace slide_maker {

/// What the directory says of the restart intervals.
enum class McuStarts { right, absent, wrong };

enum class ChromaSampling {
    full,        ///< 4:4:4, MCUs of 8 x 8
    half_across, ///< 4:2:2, MCUs of 16 x 8: as the scanners write
    half_both,   ///< 4:2:0, MCUs of 16 x 16
};

struct NdpiPlan {
    unsigned width = 4096;         ///< of level 0; a multiple of interval_width << (levels - 2)
    unsigned height = 3001;        ///< of level 0
    unsigned interval_width = 256; ///< pixels, a multiple of 16
    ChromaSampling chroma = ChromaSampling::half_across;
    unsigned levels = 4; ///< each half as wide; the last one has no restart markers
    McuStarts mcu_starts = McuStarts::right;
    bool has_true_size = true; ///< in the JPEG's own header; false: zeros, as of very large levels
    bool has_macro = true;
    bool has_map = true;
    std::uint64_t hole = 0;  ///< unwritten bytes before level 0: offsets beyond 4 GiB
    std::uint64_t bytes = 0; ///< of level 0, all of it written: the height follows from it
};

/// Writes it, and gives every identifying text of it of four characters or more.
std::vector<std::string> make_ndpi(const std::filesystem::path& path, const NdpiPlan& plan);

} // namespace slide_maker
