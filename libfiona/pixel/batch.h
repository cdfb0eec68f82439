// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/json.h"
#include "libfiona/base/mode.h"
#include "libfiona/pixel/clean.h"

#include <filesystem>
#include <string>
#include <vector>

/// A directory of images: what fiona-rewrite-pixel does.
namespace fiona::pixel {

/// As on the command line; "" is absent.
struct BatchWishes {
    std::string input, output;
    std::string phi, regions, safe_list, preview, report;
    std::string languages = "eng+nor";
    int confidence = 0; ///< 0..100: less certain finds stay
    Search search = Search::both;
    Hide hide = Hide::all;
    unsigned at_once = 4; ///< images
};

struct SetAside {
    std::filesystem::path input;
    Verdict verdict = Verdict::refused;
    std::string reason;
};

struct Batch {
    std::size_t files = 0;
    std::vector<SetAside> set_aside; ///< in the order of the input
    json::Value document;            ///< input names stand in it only for files that were set aside
    std::vector<std::vector<std::string>> rows; ///< for people
};

/// The files of `input` become `<output>/000001.dcm`, ... in the order of their paths; a number whose
/// file was set aside is missing. `output` must be empty or new. A dry run writes only a report and
/// contact sheets, if they are asked for.
/// Throws Error for what concerns the whole: usage, configuration, disk.
[[nodiscard]] Batch clean_directory(const BatchWishes& wishes, Mode mode);

} // namespace fiona::pixel
