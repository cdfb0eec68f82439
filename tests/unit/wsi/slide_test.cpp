// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/wsi/openslide_reader.h"
#include "libfiona/wsi/slide.h"
#include "tests/support/shared_data.h"

#include <catch2/catch.hpp>

#include <algorithm>

using namespace fiona;
using namespace fiona::wsi;

namespace {

std::vector<ImageRole> roles(const Slide& slide)
{
    std::vector<ImageRole> found;
    for (const auto& image : slide.images()) {
        found.push_back(image.role);
    }
    return found;
}

bool names(const Slide& slide, const std::string& item)
{
    return std::ranges::find(slide.identifying(), item, &IdentifyingItem::name)
           != slide.identifying().end();
}

} // namespace

TEST_CASE("a slide of an old Aperio scanner says what each of its pictures is")
{
    const auto file = shared_data("wsi/CMU-1-Small-Region.svs");
    if (!file) {
        return;
    }

    const auto slide = Slide::open(*file);

    CHECK(slide.format() == SlideFormat::aperio);
    CHECK(
        roles(slide)
        == std::vector{ImageRole::level, ImageRole::thumbnail, ImageRole::label, ImageRole::macro});
    const auto level = slide.levels().at(0);
    CHECK(level.width == 2220);
    CHECK(level.height == 2967);
    CHECK(level.tile_width == 240);
    CHECK(level.coding == TileCoding::jpeg);
    CHECK(level.photometric == 2);
    CHECK(slide.facts().objective_power == 20.0);
    CHECK(slide.facts().mpp_x == 0.499);
    CHECK(slide.facts().origin_x_mm == 25.691574);
    CHECK(slide.facts().software == "Aperio Image Library v11.2.1");
    CHECK(slide.facts().parmset == "USM Filter");
    CHECK(slide.facts().model.empty());
    CHECK(slide.scan_date().reveal() == "12/29/09");
    CHECK(slide.scanner_id().reveal() == "CPAPERIOCS");
}

TEST_CASE("what identifies in a real slide is named, its pictures too")
{
    const auto file = shared_data("wsi/CMU-1-Small-Region.svs");
    if (!file) {
        return;
    }

    const auto slide = Slide::open(*file);

    for (const auto* const item :
         {"Aperio ScanScope ID", "Aperio Filename", "Aperio Date", "Aperio Time", "Aperio User",
          "Aperio ImageID", "label image", "macro image"}) {
        CAPTURE(item);
        CHECK(names(slide, item));
    }
    CHECK_FALSE(names(slide, "Aperio MPP"));
}

TEST_CASE("OpenSlide decodes regions in a child, white outside")
{
    const auto file = shared_data("wsi/CMU-1-Small-Region.svs");
    if (!file) {
        return;
    }

    const auto parts =
        decode_regions(*file, std::vector<Region>{{0, 1000, 1000, 64, 32}, {0, 2300, 3000, 2, 2}});

    REQUIRE(parts.size() == 2);
    CHECK(parts[0].size() == std::size_t{64} * 32 * 3);
    CHECK(parts[1] == std::string(12, '\xff'));
}

TEST_CASE("a pyramid of tiled directories is a slide of no maker")
{
    const auto file = shared_data("wsi/boxes.tiff");
    if (!file) {
        return;
    }

    const auto slide = Slide::open(*file);

    CHECK(slide.format() == SlideFormat::generic_tiff);
    CHECK(roles(slide) == std::vector(4, ImageRole::level));
    CHECK(slide.levels().at(3).downsample == Approx(300.0 / 37));
    CHECK(*slide.facts().mpp_x == Approx(10'000 / 28.3465).epsilon(1e-4));
    CHECK(slide.icc_profile().size() == 588);
}

TEST_CASE("what is no slide is refused with one kind of fault")
{
    const auto* const name = GENERATE("broken.svs", "jpeg.dicom");
    CAPTURE(name);
    const auto file = shared_data(std::string{"wsi/"} + name);
    if (!file) {
        return;
    }

    try {
        const auto slide = Slide::open(*file);
        FAIL("it was taken for a slide");
    } catch (const Error& error) {
        CHECK(error.fault() == Fault::data);
        CHECK(std::string{error.what()}.find(name) == std::string::npos);
    }
}
