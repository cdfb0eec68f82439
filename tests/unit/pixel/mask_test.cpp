// SPDX-License-Identifier: MIT
#include "libfiona/pixel/mask.h"

#include <catch2/catch.hpp>

#include <numeric>

using namespace fiona::pixel;

namespace {

/// 8 x 6 pixels, every byte its own number.
Frame numbered(PixelLayout layout)
{
    layout.rows = 6;
    layout.columns = 8;
    Frame frame{layout, Bytes(layout.frame_bytes())};
    std::iota(frame.samples.begin(), frame.samples.end(), std::uint8_t{1});
    return frame;
}

constexpr Box middle{2, 1, 5, 3};

unsigned word_at(const Frame& frame, std::size_t pixel)
{
    return frame.samples[2 * pixel] + 256U * frame.samples[2 * pixel + 1];
}

} // namespace

TEST_CASE("a mask has the value that a viewer shows as black, and touches nothing else")
{
    const auto photometric =
        GENERATE(Photometric::monochrome1, Photometric::monochrome2, Photometric::palette);
    PixelLayout layout;
    layout.photometric = photometric;
    auto frame = numbered(layout);
    const auto before = frame;

    paint(frame, {middle}, 17);

    const int black = photometric == Photometric::monochrome1 ? 255
                      : photometric == Photometric::palette   ? 17
                                                              : 0;
    for (std::uint32_t y = 0; y < 6; ++y) {
        for (std::uint32_t x = 0; x < 8; ++x) {
            const auto at = y * 8 + x;
            const bool is_inside = middle.covers({x, y, x + 1, y + 1});
            CHECK(frame.samples[at] == (is_inside ? black : before.samples[at]));
        }
    }
}

TEST_CASE("signed and left-aligned samples keep their place")
{
    PixelLayout layout;
    layout.bits_allocated = 16;
    layout.bits_stored = 12;
    layout.high_bit = 11;
    SECTION("signed: the least value")
    {
        layout.is_signed = true;
        auto frame = numbered(layout);
        paint(frame, {middle});
        CHECK(word_at(frame, 8 + 2) == 0xf800);
    }
    SECTION("MONOCHROME1: the greatest")
    {
        layout.photometric = Photometric::monochrome1;
        auto frame = numbered(layout);
        paint(frame, {middle});
        CHECK(word_at(frame, 8 + 2) == 0x0fff);
    }
    SECTION("in the upper bits")
    {
        layout.photometric = Photometric::monochrome1;
        layout.high_bit = 15;
        auto frame = numbered(layout);
        paint(frame, {middle});
        CHECK(word_at(frame, 8 + 2) == 0xfff0);
    }
}

TEST_CASE("colour is black in every arrangement")
{
    PixelLayout layout;
    layout.samples = 3;
    SECTION("RGB by pixel")
    {
        layout.photometric = Photometric::rgb;
        auto frame = numbered(layout);
        paint(frame, {middle});
        CHECK(frame.samples[(8 + 2) * 3] == 0);
        CHECK(frame.samples[(8 + 2) * 3 + 2] == 0);
        CHECK(frame.samples[(8 + 1) * 3 + 2] == (8 + 1) * 3 + 3);
    }
    SECTION("RGB by plane")
    {
        layout.photometric = Photometric::rgb;
        layout.is_planar = true;
        auto frame = numbered(layout);
        paint(frame, {middle});
        for (const std::size_t plane : {0U, 48U, 96U}) {
            CHECK(frame.samples[plane + 8 + 2] == 0);
            CHECK(frame.samples[plane + 8 + 5] == plane + 8 + 6);
        }
    }
    SECTION("YBR_FULL")
    {
        layout.photometric = Photometric::ybr_full;
        auto frame = numbered(layout);
        paint(frame, {middle});
        CHECK(frame.samples[(8 + 2) * 3] == 0);
        CHECK(frame.samples[(8 + 2) * 3 + 1] == 128);
        CHECK(frame.samples[(8 + 2) * 3 + 2] == 128);
    }
    SECTION("YBR_FULL_422: whole pairs, so that no colour of a letter stays")
    {
        layout.photometric = Photometric::ybr_full_422;
        auto frame = numbered(layout);
        paint(frame, {{3, 0, 4, 1}});
        CHECK(frame.samples[4] == 0);
        CHECK(frame.samples[5] == 0);
        CHECK(frame.samples[6] == 128);
        CHECK(frame.samples[7] == 128);
        CHECK(frame.samples[3] == 4);
        CHECK(frame.samples[8] == 9);
    }
}

TEST_CASE("a box that reaches out of the picture is cut")
{
    auto frame = numbered({});

    paint(frame, {{6, 4, 400, 500}, {50, 50, 60, 60}, {3, 3, 3, 3}});

    CHECK(frame.samples[47] == 0);
    CHECK(frame.samples[4 * 8 + 5] == 4 * 8 + 6);
}
