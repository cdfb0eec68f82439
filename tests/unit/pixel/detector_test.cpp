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

/// Every square of `factor` by `factor` pixels becomes one, of their mean.
phantom::Canvas shrunk(const phantom::Canvas& canvas, unsigned factor)
{
    auto result = phantom::plain_canvas(canvas.rows / factor, canvas.columns / factor, 1, 0);
    std::vector<unsigned> sums(result.bytes.size());
    for (unsigned y = 0; y < result.rows * factor; ++y) {
        for (unsigned x = 0; x < result.columns * factor; ++x) {
            sums[std::size_t{y / factor} * result.columns + x / factor] +=
                canvas.bytes[std::size_t{y} * canvas.columns + x];
        }
    }
    std::ranges::transform(sums, result.bytes.begin(), [&](unsigned sum) {
        return static_cast<std::uint8_t>(sum / (factor * factor));
    });
    return result;
}

} // namespace

TEST_CASE("writing of six pixels, the smallest that is promised, is found")
{
    const int ground = GENERATE(0, 60, 128, 255);
    const int ink = ground > 128 ? 0 : 255;
    CAPTURE(ground);
    auto canvas = phantom::plain_canvas(700, 2100, 1, 0);
    const auto large = pictures::box_of(phantom::draw_text(canvas, 350, 301, 6, "DOE JANE 4711"));
    auto plane = pictures::plane_of(shrunk(canvas, 7)); // of letters of 42 pixels
    for (auto& value : plane.values) {
        value = static_cast<std::uint8_t>(ground + (ink - ground) * value / 255);
    }
    const Box text{large.x0 / 7, large.y0 / 7, large.x1 / 7, large.y1 / 7};
    REQUIRE(text.y1 - text.y0 == 6);

    CHECK(pictures::covered(text, find_text(plane)) > 0.9);
}

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

TEST_CASE("a picture of any size has an answer for each cell")
{
    const auto width = GENERATE(1U, 3U, 5U, 31U, 130U);
    const auto height = GENERATE(1U, 4U, 18U, 131U);
    CAPTURE(width, height);
    GrayPlane plane{width, height, {}};
    for (std::size_t i = 0; i < std::size_t{width} * height; ++i) {
        plane.values.push_back(static_cast<std::uint8_t>(i * 97 % 251));
    }

    const auto map = text_map(plane);

    CHECK(map.columns == (width + 3) / 4);
    CHECK(map.rows == (height + 3) / 4);
    REQUIRE(map.values.size() == std::size_t{map.columns} * map.rows);
    CHECK(std::ranges::all_of(map.values, [](float value) { return value >= 0 && value <= 1; }));
}

TEST_CASE("what a picture shows far away changes nothing here")
{
    const auto written = pictures::written();
    const auto plane = pictures::plane_of(written.canvas);
    // Wider by a whole number of blocks and far from the writing.
    GrayPlane wider{plane.width + 256, plane.height, {}};
    wider.values.assign(std::size_t{wider.width} * wider.height, plane.values[0]);
    for (std::uint32_t y = 0; y < plane.height; ++y) {
        std::copy_n(plane.row(y), plane.width, wider.row(y));
    }

    const auto narrow = text_map(plane);
    const auto wide = text_map(wider);

    const auto cells_inside = narrow.columns - 20;
    for (std::uint32_t row = 0; row < narrow.rows; ++row) {
        for (std::uint32_t column = 0; column < cells_inside; ++column) {
            REQUIRE(wide.at(column, row) == Approx(narrow.at(column, row)).margin(1e-4));
        }
    }
}
