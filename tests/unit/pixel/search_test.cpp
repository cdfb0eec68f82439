// SPDX-License-Identifier: MIT
#include "libfiona/pixel/search.h"

#include <catch2/catch.hpp>

using namespace fiona::pixel;

namespace {

Frame frame_of(std::uint8_t value)
{
    const PixelLayout layout{.rows = 400, .columns = 600};
    return {layout, Bytes(layout.frame_bytes(), value)};
}

} // namespace

TEST_CASE("only what changed is looked at again")
{
    std::vector<Box> asked;
    TextSearch search{[&](const std::vector<GrayPlane>& views, const Box& part) {
        CHECK(views[0].width == part.x1 - part.x0);
        asked.push_back(part);
        return std::vector<TextBox>{};
    }};
    auto frame = frame_of(10);
    search.add(frame, {});
    search.add(frame, {});
    frame.samples[200 * 600 + 300] = 99;
    search.add(frame, {});

    REQUIRE(asked.size() == 2);
    CHECK(asked[0] == Box{0, 0, 600, 400});
    CHECK(asked[1].covers({300, 200, 301, 201}));
    CHECK(asked[1].area() < 200 * 200);
    CHECK(search.finish().size() == 3);
}

TEST_CASE("what stands in many frames is hidden in all, what stands in one only there")
{
    int number = 0;
    const TextBox often{{10, 10, 90, 30}, 80, true};
    const TextBox once{{300, 200, 380, 220}, 80, true};
    TextSearch search{[&](const std::vector<GrayPlane>& /*views*/, const Box& /*part*/) {
        ++number;
        return number == 3    ? std::vector{once}
               : number <= 10 ? std::vector{often}
                              : std::vector<TextBox>{};
    }};
    for (int i = 0; i < 10; ++i) {
        search.add(frame_of(static_cast<std::uint8_t>(10 + 10 * i)), {});
    }

    const auto frames = search.finish();

    REQUIRE(frames.size() == 10);
    for (std::size_t i = 0; i < frames.size(); ++i) {
        CAPTURE(i);
        bool has_often = false;
        bool has_once = false;
        for (const auto& box : frames[i]) {
            has_often = has_often || box.box.covers(often.box);
            has_once = has_once || box.box.meets(once.box);
        }
        CHECK(has_often);
        CHECK(has_once == (i == 2));
    }
}

TEST_CASE("frames of other arrangement are wholly changed")
{
    auto other = frame_of(10);
    other.layout.photometric = Photometric::monochrome1;

    CHECK(changed_parts(frame_of(10), frame_of(10)).empty());
    CHECK(changed_parts(frame_of(10), other) == std::vector{Box{0, 0, 600, 400}});
    CHECK(changed_parts({}, other) == std::vector{Box{0, 0, 600, 400}});
}
