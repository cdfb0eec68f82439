// SPDX-License-Identifier: MIT
//
// dcmtk-header-bound DIR
// Reads the header of every file below DIR with DCMTK and does nothing with it: what a program on
// DCMTK that sorts images can reach at best. Prints how many files there were and how many elements.
#include "tests/support/image_edits.h"

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dctk.h>
#include <fmt/format.h>

#include <cstdio>
#include <filesystem>
#include <vector>

namespace {

namespace fs = std::filesystem;

/// The elements at top level; 0 if it cannot be read.
unsigned long count_elements(const fs::path& file)
{
    DcmFileFormat format;
    const auto read = format.loadFileUntilTag(file.c_str(), EXS_Unknown, EGL_noChange,
                                              DCM_MaxReadLength, ERM_autoDetect, DCM_PixelData);
    if (read.bad()) {
        fmt::print(stderr, "{}: {}\n", file.native(), read.text());
        return 0;
    }
    return format.getDataset()->card();
}

} // namespace

int main(int argc, char** argv)
{
    const std::vector<std::string> arguments{argv + 1, argv + argc};
    if (arguments.size() != 1) {
        fmt::print(stderr, "usage: dcmtk-header-bound DIR\n");
        return 64;
    }
    OFLog::configure(OFLogger::ERROR_LOG_LEVEL); // it warns once per file that it stopped early
    const auto files = fiona::testing::images_below(arguments[0]);
    unsigned long elements = 0;
    bool is_all_read = true;
    for (const auto& file : files) {
        const auto count = count_elements(file);
        elements += count;
        is_all_read = is_all_read && count > 0;
    }
    fmt::print("{} files, {} elements\n", files.size(), elements);
    return is_all_read ? 0 : 65;
}
