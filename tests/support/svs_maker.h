// SPDX-License-Identifier: MIT
#pragma once

#include "tests/support/tiff_writer.h"

#include <cstdint>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <vector>

/// Synthetic slides as Aperio's scanners write them, of invented people.
namespace slide_maker {

enum class SvsCoding {
    jpeg_rgb,
    jpeg_ycbcr,
    jpeg2000_rgb,            ///< 33005, transform in the code stream, 9-7
    jpeg2000_rgb_reversible, ///< 33005, 5-3
    jpeg2000_ycc,            ///< 33003, 9-7
    jpeg2000_ycc_reversible, ///< 33003, 5-3
};

enum class SvsStyle {
    old,   ///< label and macro by the second line of their description, and NewSubfileType
    gt450, ///< by NewSubfileType alone
};

struct SvsPlan {
    Layout layout = Layout::classic;
    ByteOrder order = ByteOrder::little;
    SvsCoding coding = SvsCoding::jpeg_rgb;
    SvsStyle style = SvsStyle::old;
    unsigned width = 1100; ///< of level 0
    unsigned height = 700;
    unsigned tile = 256;
    unsigned levels = 3;    ///< each a quarter of the one before
    unsigned variants = 16; ///< different tiles; the rest repeats them
    bool has_thumbnail = true;
    bool has_label = true;
    bool has_macro = true;
    unsigned macro_width = 480;        ///< label and macro image are in proportion
    bool has_private_tags = true;      ///< 55000 to 55004, DateTime, Artist, HostComputer, Software
    bool has_icc = true;               ///< with a serial number in its text
    std::string comment{};             ///< inside every JPEG tile
    std::set<std::uint64_t> missing{}; ///< tiles of level 0 that have no bytes
    std::uint64_t hole = 0;            ///< unwritten bytes before level 1: offsets beyond 4 GiB
    /// As much data as that in level 0, all of it written: width and height follow from it. 0: as above.
    std::uint64_t bytes = 0;
    /// Keys of the description that tell who, where and when; written in their order.
    std::vector<std::pair<std::string, std::string>> identity{{"ScanScope ID", "SS9981"},
                                                              {"Filename", "PROVE-04711"},
                                                              {"Title", "Testesen block 3"},
                                                              {"Date", "03/14/22"},
                                                              {"Time", "09:41:07"},
                                                              {"Time Zone", "GMT+01:00"},
                                                              {"User", "b41a-operator-17"},
                                                              {"DSR ID", "dsr-archive-7"},
                                                              {"ImageID", "4711004"},
                                                              {"Barcode", "BC-778812-A"},
                                                              {"Rack", "7"},
                                                              {"Slide", "12"}};
};

/// Writes it, and gives every identifying text of it of four characters or more.
std::vector<std::string> make_svs(const std::filesystem::path& path, const SvsPlan& plan);

/// An input-device profile (class `scnr`) of sRGB's primaries whose description is `text`.
[[nodiscard]] std::string icc_profile(const std::string& text);

} // namespace slide_maker
