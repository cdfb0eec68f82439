// SPDX-License-Identifier: MIT
#include "libfiona/pixel/detector.h"
#include "libfiona/pixel/text_net.h"
#include "tests/unit/pixel/pictures.h"

#include <catch2/catch.hpp>

#include <algorithm>

using namespace fiona::pixel;

namespace {

GrayPlane turned(const GrayPlane& plane)
{
    GrayPlane result{plane.height, plane.width, {}};
    result.values.resize(plane.values.size());
    for (std::uint32_t y = 0; y < plane.height; ++y) {
        for (std::uint32_t x = 0; x < plane.width; ++x) {
            result.row(x)[plane.height - 1 - y] = plane.row(y)[x];
        }
    }
    return result;
}

} // namespace

TEST_CASE("writing is found bright and dark, on black, grey and white, small and large")
{
    const unsigned scale = GENERATE(1U, 2U, 3U, 5U);
    const int ground = GENERATE(0, 60, 128, 255);
    CAPTURE(scale, ground);
    auto canvas = phantom::plain_canvas(200, 480, 1, 0);
    const auto text = pictures::box_of(phantom::draw_text(canvas, 20, 80, scale, "DOE JANE 4711"));
    auto plane = pictures::plane_of(canvas);
    const auto ink = static_cast<std::uint8_t>(ground > 128 ? 0 : 255);
    for (auto& value : plane.values) {
        value = value == 0 ? static_cast<std::uint8_t>(ground) : ink;
    }

    CHECK(pictures::covered(text, find_text(plane)) > 0.9);
}

TEST_CASE("writing is found when the picture is turned by a quarter")
{
    const auto written = pictures::written();
    const auto plane = turned(pictures::plane_of(written.canvas));
    const auto& text = written.text;
    const Box there{written.canvas.rows - text.y1, text.x0, written.canvas.rows - text.y0, text.x1};

    CHECK(pictures::covered(there, find_text(plane)) > 0.9);
}

TEST_CASE("nothing is found where nothing is written")
{
    SECTION("flat")
    {
        CHECK(find_text(pictures::plane_of(phantom::plain_canvas(300, 400, 1, 77))).empty());
    }
    SECTION("smooth")
    {
        auto canvas = phantom::plain_canvas(300, 400, 1, 0);
        for (std::size_t i = 0; i < canvas.bytes.size(); ++i) {
            canvas.bytes[i] = static_cast<std::uint8_t>(i % 400 * 255 / 400);
        }
        CHECK(find_text(pictures::plane_of(canvas)).empty());
    }
    SECTION("too small to hold any")
    {
        CHECK(find_text({3, 2, std::vector<std::uint8_t>(6, 9)}).empty());
    }
}

TEST_CASE("a strip of a large picture answers as the whole would")
{
    auto canvas = phantom::plain_canvas(2400, 900, 1, 20); // more than one strip
    std::vector<Box> texts;
    for (unsigned y = 100; y < 2300; y += 97) {
        texts.push_back(pictures::box_of(phantom::draw_text(canvas, 60, y, 2, "DOE JANE 4711")));
    }

    const auto found = find_text(pictures::plane_of(canvas));

    for (const auto& text : texts) {
        CAPTURE(text.y0);
        CHECK(pictures::covered(text, found) > 0.9);
    }
}

TEST_CASE("covering boxes leave out what is empty")
{
    // An L: a column of 20 cells and a row of 20 cells.
    std::vector<std::uint8_t> cells(400);
    for (std::size_t i = 0; i < 20; ++i) {
        cells[i * 20] = 1;
        cells[19 * 20 + i] = 1;
    }

    const auto boxes = covering_boxes(cells, 20, {0, 0, 20, 20});

    std::uint64_t area = 0;
    for (const auto& box : boxes) {
        area += box.area();
    }
    CHECK(boxes.size() == 2);
    CHECK(area == 39);
}
