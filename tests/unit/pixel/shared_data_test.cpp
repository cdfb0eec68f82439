// SPDX-License-Identifier: MIT
#include "libfiona/base/files.h"
#include "libfiona/pixel/clean.h"
#include "tests/support/shared_data.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/pixel/detecting.h"
#include "tests/unit/pixel/pictures.h"

#include <catch2/catch.hpp>

// Real files with text in their pixels, and where it is.

using namespace fiona;
using namespace fiona::pixel;
namespace fs = std::filesystem;

TEST_CASE("a name and dates burned into a real image are hidden")
{
    const auto file = shared_data("burned-in/2_ORIGINAL.dcm");
    if (!file) {
        return;
    }
    const TempDir root;

    const auto report = clean_pixels(*file, root / "out.dcm", detecting());

    REQUIRE(report.verdict == Verdict::masked);
    REQUIRE(report.masks.size() == 1);
    for (const auto& word : std::vector<Box>{{1, 0, 73, 11},
                                             {79, 0, 129, 11},
                                             {134, 0, 153, 14},
                                             {159, 0, 229, 11},
                                             {46, 15, 114, 26}}) {
        CAPTURE(word.x0);
        CHECK(pictures::covered(word, report.masks[0].boxes) > 0.9);
    }
}

TEST_CASE("every real image is cleaned or refused with a reason")
{
    const auto root = shared_data();
    if (!root) {
        return;
    }
    const TempDir out;
    int written = 0;
    for (const char* const directory : {"burned-in", "transfer-syntax/pydicom", "broken"}) {
        for (const auto& entry : fs::directory_iterator{*root / directory}) {
            if (!entry.is_regular_file() || entry.file_size() > 1'000'000) {
                continue;
            }
            CAPTURE(entry.path().native());
            const auto output = out / "o.dcm";
            const auto report = clean_pixels(entry.path(), output, detecting());
            const bool is_written =
                report.verdict == Verdict::masked || report.verdict == Verdict::unchanged;
            CHECK(fs::exists(output) == is_written);
            CHECK(report.reason.empty() == is_written);
            written += is_written ? 1 : 0;
            fs::remove(output);
        }
    }
    CHECK(written > 10);
}
