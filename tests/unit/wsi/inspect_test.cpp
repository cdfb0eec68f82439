// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/wsi/inspect.h"
#include "tests/support/ndpi_maker.h"
#include "tests/support/shared_data.h"
#include "tests/support/svs_maker.h"
#include "tests/support/temp_dir.h"

#include <catch2/catch.hpp>

#include <algorithm>

using namespace fiona;
using namespace fiona::wsi;

namespace {

bool holds_any(const std::string& text, const std::vector<std::string>& secrets)
{
    return std::ranges::any_of(
        secrets, [&](const std::string& secret) { return text.find(secret) != std::string::npos; });
}

std::uint32_t number_at(const std::string& png, std::size_t place)
{
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < 4; ++i) {
        value = value << 8U | static_cast<unsigned char>(png.at(place + i));
    }
    return value;
}

} // namespace

TEST_CASE("inspecting says what is there and never what it says")
{
    const TempDir root;
    const bool is_ndpi = GENERATE(false, true);
    slide_maker::SvsPlan svs;
    svs.missing = {1, 2};
    slide_maker::NdpiPlan ndpi;
    ndpi.width = 1024;
    ndpi.height = 500;
    ndpi.levels = 2;
    const auto secrets = is_ndpi ? slide_maker::make_ndpi(root / "made", ndpi)
                                 : slide_maker::make_svs(root / "made", svs);
    const auto slide = Slide::open(root / "made");

    const auto facts = inspected(slide);
    const auto lines = inspected_lines(slide);

    CHECK_FALSE(holds_any(json::write(facts), secrets));
    for (const auto& line : lines) {
        CAPTURE(line);
        CHECK_FALSE(holds_any(line, secrets));
    }
    CHECK(facts.text("format") == (is_ndpi ? "hamamatsu" : "aperio"));
    CHECK(facts.find("levels")->array().size() == (is_ndpi ? 2 : 3));
    CHECK(facts.find("identifying")->array().size() > 3);
    if (!is_ndpi) {
        CHECK(facts.find("levels")->array().front().text("missing_tiles") == "2");
        CHECK(std::ranges::count(lines, "identifying: Aperio Barcode (directory 0, 1, 2, 3)") == 1);
        CHECK(std::ranges::count(lines, "label: 180 x 220") == 1);
    }
}

TEST_CASE("a thumbnail is a picture of the tissue in the size that was asked for")
{
    const auto file = shared_data("wsi/CMU-1-Small-Region.svs");
    if (!file) {
        return;
    }

    const auto png = thumbnail(Slide::open(*file), 200);

    CHECK(png.starts_with("\x89PNG"));
    CHECK(number_at(png, 16) == 2220 * 200 / 2967);
    CHECK(number_at(png, 20) == 200);
}

TEST_CASE("a thumbnail is never made of a level whose tile is larger than itself")
{
    const auto file = shared_data("wsi/boxes.tiff");
    if (!file) {
        return;
    }
    const auto slide = Slide::open(*file);

    CHECK(thumbnail(slide, 32) == thumbnail(slide, 32));
    CHECK(number_at(thumbnail(slide, 32), 16) == 32);
}

TEST_CASE("a thumbnail has a sensible size or none")
{
    const TempDir root;
    slide_maker::make_svs(root / "made.svs", {});
    const auto slide = Slide::open(root / "made.svs");

    CHECK(number_at(thumbnail(slide, 4096), 16) == 1100);
    CHECK_THROWS_AS(thumbnail(slide, 5000), Error);
    CHECK_THROWS_AS(thumbnail(slide, 0), Error);
}
