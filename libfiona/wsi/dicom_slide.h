// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/wsi/slide.h"
#include "libfiona/wsi/slide_record.h"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace fiona::wsi {

/// UIDs of one slide; the same for every run (the caller derives them with the project's key).
struct SlideUids {
    std::string study;
    std::string series;
    std::string frame_of_reference;
    std::string dimension_organization;
    std::string pyramid;
    std::string specimen;
    std::function<std::string(std::size_t level)> instance;
};

/// Everything of the header that the slide itself does not say.
struct SlideHeader {
    SlideRecord record;
    SlideUids uids;
    std::string institution;   ///< the project
    std::string serial_number; ///< pseudonym of the device, "" for 0
    std::string date_time;     ///< DT without zone: of the study, its content and its acquisition
};

struct ConversionProgress {
    std::uint64_t frames_done = 0;
    std::uint64_t frames_total = 0;
};

struct DicomSlide {
    std::vector<std::filesystem::path> files; ///< one instance for each level, largest first
    std::uint64_t frames = 0;
    std::uint64_t passed_through = 0; ///< frames whose code stream is the slide's own
    std::uint64_t encoded_anew = 0;
    std::uint64_t bytes = 0;
};

/// VL Whole Slide Microscopy Image objects (PS3.3 A.32.8), TILED_FULL, into `folder` (exists, empty):
/// `level-N.dcm`, each synced under its final name. Memory is one tile's, whatever the slide.
/// Throws Error{Fault::data}: no pixel size, damaged tiles, an unsupported coding; Fault::io.
DicomSlide write_dicom_slide(const Slide& slide, const SlideHeader& header,
                             const std::filesystem::path& folder,
                             const std::function<void(const ConversionProgress&)>& progress = {});

} // namespace fiona::wsi
