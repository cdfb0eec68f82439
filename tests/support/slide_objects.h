// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/wsi/dicom_slide.h"

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

/// A slide's DICOM objects looked at with other eyes: DCMTK reads the file, libjpeg and OpenJPEG decode.

/// What an uploader of a synthetic slide might say.
fiona::wsi::SlideHeader sample_slide_header();

/// The frames of one object as they lie in it, padding included.
std::vector<std::string> frames_of(const std::filesystem::path& object);

/// The text of one top-level element, by its keyword.
std::string value_of(const std::filesystem::path& object, const std::string& keyword);

struct Picture {
    std::uint32_t width = 0;
    std::uint32_t height = 0;
    std::string rgb; ///< three bytes for each pixel
    friend bool operator==(const Picture&, const Picture&) = default;
};

/// By libjpeg, which takes three components for RGB or YCbCr as a standard decoder does.
Picture decode_jpeg(const std::string& frame);
/// By opj_decompress.
Picture decode_jpeg_2000(const std::string& frame, const std::filesystem::path& scratch);

/// The frames put side by side and cut to the level's size.
Picture whole_picture(const std::vector<Picture>& tiles, std::uint32_t width, std::uint32_t height);

/// The level of that size as OpenSlide reads it.
Picture openslide_picture(const std::filesystem::path& slide, std::uint32_t width,
                          std::uint32_t height);

/// The largest difference of two samples; 255 if the sizes differ.
int difference(const Picture& left, const Picture& right);
