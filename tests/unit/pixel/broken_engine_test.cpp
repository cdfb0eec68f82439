// SPDX-License-Identifier: MIT
// An engine that cannot read, in the place of Tesseract: a program of its own, for it is loaded once.
#include "libfiona/base/error.h"
#include "libfiona/pixel/clean.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/pixel/pictures.h"

#include <catch2/catch.hpp>

#include <dlfcn.h>

using namespace fiona;
using namespace fiona::pixel;
namespace fs = std::filesystem;

namespace {

/// Whoever opens libtesseract.so.5 from now on gets the broken one: it is loaded, and has that name.
int& way_of_broken_engine()
{
    void* const library = ::dlopen(BROKEN_TESSERACT, RTLD_NOW | RTLD_LOCAL);
    void* const way = library == nullptr ? nullptr : ::dlsym(library, "g_broken_tesseract_way");
    REQUIRE(way != nullptr);
    return *static_cast<int*>(way);
}

} // namespace

TEST_CASE("an engine that reads or waits for ever, dies or gives up: nothing is written")
{
    const auto way = GENERATE(0, 1, 2, 3);
    CAPTURE(way);
    way_of_broken_engine() = way;
    const TempDir root;
    const auto written = pictures::written();
    const auto input = pictures::save(root / "in.dcm", {}, written.canvas.bytes);
    CleanOptions options;
    options.search = GENERATE(Search::ocr, Search::both);
    options.hide = Hide::known; // it has to be read before it may stay
    options.languages = "eng";
    options.patience = std::chrono::seconds{1};

    CleanReport report;
    try {
        report = clean_pixels(input, root / "out.dcm", options);
    } catch (const Error& e) { // it said itself that it cannot: no fault of the image
        CHECK(way == 3);
        CHECK(e.fault() == Fault::internal);
    }

    CHECK(report.verdict == Verdict::refused);
    CHECK(report.reason.empty() == (way == 3));
    CHECK_FALSE(fs::exists(root / "out.dcm"));
    std::size_t files = 0;
    for ([[maybe_unused]] const auto& entry : fs::directory_iterator{root.path}) {
        ++files;
    }
    CHECK(files == 1); // no part of one either
}
