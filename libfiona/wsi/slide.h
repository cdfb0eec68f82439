// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/private.h"
#include "libfiona/wsi/tiff.h"

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// A whole-slide image as its scanner wrote it: which picture is what, what it measures, and what in it
/// tells whose it is. The content decides the format, never the file's extension.
namespace fiona::wsi {

enum class SlideFormat {
    aperio,       ///< SVS: TIFF or BigTIFF, ImageDescription begins "Aperio"
    hamamatsu,    ///< NDPI
    generic_tiff, ///< any other tiled TIFF
    other,        ///< what OpenSlide reads beyond TIFF: MRXS, VMS, ...
};
[[nodiscard]] std::string_view to_string(SlideFormat format);

enum class ImageRole {
    level,     ///< of the pyramid
    thumbnail, ///< of the tissue, without label
    label,     ///< identifying
    macro,     ///< the whole glass: shows the label, identifying
    map,       ///< Hamamatsu's SourceLens -2
    plane,     ///< another focal plane
    unknown,   ///< taken as identifying
};
[[nodiscard]] std::string_view to_string(ImageRole role);

enum class TileCoding {
    jpeg,         ///< compression 7
    jpeg2000_ycc, ///< compression 33003: YCbCr made outside the code stream
    jpeg2000_rgb, ///< compression 33005
    other,        ///< has to be decoded and encoded anew
};

struct SlideImage {
    ImageRole role = ImageRole::unknown;
    std::uint64_t width = 0;      ///< pixels
    std::uint64_t height = 0;     ///< pixels
    std::uint64_t tile_width = 0; ///< 0: strips, or NDPI's one strip with restart intervals
    std::uint64_t tile_height = 0;
    TileCoding coding = TileCoding::other;
    std::uint16_t photometric = 0; ///< TIFF tag 262: 2 RGB, 6 YCbCr
    double downsample = 1.0;       ///< of level 0's pixels to this one's
    std::size_t directory = 0;     ///< of Tiff::directories(); meaningless for SlideFormat::other
};

/// What the scanner says, without anything that identifies.
struct SlideFacts {
    std::string manufacturer; ///< "Aperio", "Hamamatsu", ...
    std::string model;    ///< NDPI's Product; empty for SVS, whose ScanScope ID is a serial number
    std::string software; ///< version of the scanner's program, first line of SVS's description
    std::optional<double> objective_power; ///< AppMag, SourceLens
    std::optional<double> mpp_x;           ///< micrometres per pixel of level 0
    std::optional<double> mpp_y;
    std::optional<double> origin_x_mm; ///< offset of level 0 in the slide's coordinate system
    std::optional<double> origin_y_mm;
    std::string parmset;     ///< SVS
    std::string resolutions; ///< NDPI: XResolution of all directories, joined by '-'
};

/// Something in the file that may say whose it is. The value never leaves; its name and place may.
struct IdentifyingItem {
    std::string name; ///< "Aperio Barcode", "tag 65468", "label image"
    std::size_t directory = 0;
    Private<std::string> value; ///< empty for a picture
};

class Slide {
public:
    /// Throws Error{Fault::data} for what is no slide or damaged: loops, offsets outside, missing tiles'
    /// tables, wrong counts. Never names the file's own name.
    static Slide open(const std::filesystem::path& path);
    Slide(const Slide&) = delete;
    Slide& operator=(const Slide&) = delete;
    Slide(Slide&& other) noexcept;
    Slide& operator=(Slide&& other) noexcept;
    ~Slide();

    [[nodiscard]] SlideFormat format() const;
    [[nodiscard]] const std::filesystem::path& path() const;
    [[nodiscard]] const SlideFile& file() const;
    /// Throws Error{Fault::internal} for SlideFormat::other.
    [[nodiscard]] const Tiff& tiff() const;
    /// All pictures, one for each directory; for SlideFormat::other levels and associated images.
    [[nodiscard]] const std::vector<SlideImage>& images() const;
    /// The pyramid, largest first, at least one.
    [[nodiscard]] std::vector<SlideImage> levels() const;
    [[nodiscard]] const SlideFacts& facts() const;
    /// Identifying values as they stand in the file. Also what a verification searches for.
    [[nodiscard]] const std::vector<IdentifyingItem>& identifying() const;
    /// When it was scanned, as in the file (identifying: goes through the project's date rule).
    [[nodiscard]] const Private<std::string>& scan_date() const;
    /// ScanScope ID or NDP.S/N: a serial number of the device, identifying.
    [[nodiscard]] const Private<std::string>& scanner_id() const;
    /// The ICC profile of level 0 (tag 34675) without its texts, dates and devices, as long as it is in the
    /// file; empty if there is none.
    [[nodiscard]] std::string icc_profile() const;

private:
    struct Contents;
    explicit Slide(std::unique_ptr<Contents> contents);
    std::unique_ptr<Contents> m_contents;
};

} // namespace fiona::wsi
