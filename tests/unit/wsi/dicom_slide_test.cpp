// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/base/process.h"
#include "libfiona/wsi/dicom_slide.h"
#include "tests/support/slide_objects.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/wsi/shared_slides.h"

#include <catch2/catch.hpp>

#include <algorithm>

using namespace fiona;
using namespace fiona::wsi;
namespace fs = std::filesystem;

namespace {

Picture picture_of(const fs::path& object, const SlideImage& level)
{
    std::vector<Picture> tiles;
    for (const auto& frame : frames_of(object)) {
        tiles.push_back(decode_jpeg(frame));
    }
    return whole_picture(tiles, static_cast<std::uint32_t>(level.width),
                         static_cast<std::uint32_t>(level.height));
}

/// What dciodvfy has to say against it.
std::string complaints(const fs::path& object)
{
    const auto validated = run({.arguments = {"dciodvfy", object.native()}});
    std::string errors;
    for (const auto& line : {validated.out, validated.err}) {
        std::size_t at = 0;
        while ((at = line.find("Error", at)) != std::string::npos) {
            errors += line.substr(at, line.find('\n', at) - at) + "\n";
            at += 5;
        }
    }
    return errors;
}

} // namespace

TEST_CASE("a real slide becomes a DICOM object with the same pixels")
{
    const auto file = shared_slide("CMU-1-Small-Region.svs");
    if (!file) {
        return;
    }
    const TempDir folder;
    const auto slide = Slide::open(*file);

    const auto written = write_dicom_slide(slide, sample_slide_header(), folder.path);

    REQUIRE(written.files == std::vector<fs::path>{folder / "level-0.dcm"});
    CHECK(written.frames == 130);
    CHECK(written.passed_through == 130);
    CHECK(written.bytes == fs::file_size(written.files[0]));
    CHECK(picture_of(written.files[0], slide.levels()[0])
          == openslide_picture(*file, 0, 2220, 2967));
    CHECK(complaints(written.files[0]).empty());
}
