// SPDX-License-Identifier: MIT
#pragma once

#include "tests/support/phantom_pixels.h"

#include <filesystem>
#include <map>
#include <optional>
#include <string>

/// A synthetic image of 16 by 16 pixels that nobody was photographed for, or the picture it is given.
struct SmallImage {
    enum class Pixels { some, none };

    std::string study = "1.2.826.0.1.3680043.9.7433.1.1";
    std::string series = "1.2.826.0.1.3680043.9.7433.1.1.1";
    std::string sop = "1.2.826.0.1.3680043.9.7433.1.1.1.1";
    std::string sop_class = "1.2.840.10008.5.1.4.1.1.4";
    std::string modality = "MR";
    std::string image_type = "ORIGINAL\\PRIMARY\\M";
    std::string transfer_syntax = "1.2.840.10008.1.2.1";
    Pixels pixels = Pixels::some;
    std::optional<phantom::Canvas> picture; ///< 8 bit, instead of the 16 by 16 pixels
    /// Keyword -> value, put in last.
    std::map<std::string, std::string> more;
};

/// Values of SmallImage that must never leave.
constexpr const char* small_image_name = "Quixotic^Zephyrina";
constexpr const char* small_image_id = "SYN7654321";
constexpr const char* small_image_accession = "ACCSYN998877";

void write_image(const SmallImage& image, const std::filesystem::path& file);
