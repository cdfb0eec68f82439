// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/pixel/render.h"
#include "tests/unit/pixel/pictures.h"

#include <catch2/catch.hpp>

using namespace fiona;
using namespace fiona::pixel;

namespace {

void put_palette(DcmDataset& data, Uint16 entries, Uint16 first, Uint16 bits, std::size_t words)
{
    const std::vector<Uint16> descriptor{entries, first, bits};
    std::vector<Uint16> values(words);
    for (std::size_t i = 0; i < words; ++i) {
        values[i] = static_cast<Uint16>(i << 8U);
    }
    for (const auto& tag :
         {DCM_RedPaletteColorLookupTableDescriptor, DCM_GreenPaletteColorLookupTableDescriptor,
          DCM_BluePaletteColorLookupTableDescriptor}) {
        data.putAndInsertUint16Array(DcmTag{tag, EVR_US}, descriptor.data(), 3);
    }
    for (const auto& tag :
         {DCM_RedPaletteColorLookupTableData, DCM_GreenPaletteColorLookupTableData,
          DCM_BluePaletteColorLookupTableData}) {
        data.putAndInsertUint16Array(DcmTag{tag, EVR_OW}, values.data(), words);
    }
}

} // namespace

TEST_CASE("gray values keep their order and MONOCHROME1 is turned over")
{
    PixelLayout layout{.rows = 1, .columns = 3};
    Frame frame{layout, {0, 100, 255}};

    CHECK(render(frame, {})[0].values == std::vector<std::uint8_t>{0, 100, 255});
    frame.layout.photometric = Photometric::monochrome1;
    CHECK(render(frame, {})[0].values == std::vector<std::uint8_t>{255, 155, 0});
}

TEST_CASE("16 bits with sign are spread over what there is")
{
    PixelLayout layout{.rows = 1,
                       .columns = 3,
                       .bits_allocated = 16,
                       .bits_stored = 16,
                       .high_bit = 15,
                       .is_signed = true};
    const Frame frame{layout, {0x18, 0xfc, 0, 0, 0xe8, 0x03}}; // -1000, 0, 1000

    CHECK(render(frame, {})[0].values == std::vector<std::uint8_t>{0, 128, 255});
}

TEST_CASE("a window that shows other things gives a second picture")
{
    PixelLayout layout{
        .rows = 1, .columns = 4, .bits_allocated = 16, .bits_stored = 12, .high_bit = 11};
    const Frame frame{layout, {0, 0, 10, 0, 20, 0, 0xff, 0x0f}};
    Appearance appearance;
    appearance.window = Appearance::Window{0, 20};

    const auto views = render(frame, appearance);

    REQUIRE(views.size() == 2);
    CHECK(views[1].values == std::vector<std::uint8_t>{0, 128, 255, 255});
}

TEST_CASE("colour is looked at by its brightness and by its colour")
{
    PixelLayout layout{.rows = 8, .columns = 8, .samples = 3, .photometric = Photometric::rgb};
    Frame frame{layout, Bytes(192, 100)};
    for (std::size_t i = 0; i < 40; ++i) {
        frame.samples[3 * i] = 250;
    }

    const auto views = render(frame, {});

    REQUIRE(views.size() == 2);
    CHECK(views[0].values[0] > views[0].values[63]);
    CHECK(views[1].values[0] == 150);
    CHECK(views[1].values[63] == 0);
}

TEST_CASE("a palette is used as it says, and a broken one refused")
{
    DcmDataset data;
    const PixelLayout layout{.rows = 1, .columns = 2, .photometric = Photometric::palette};
    const Frame frame{layout, {10, 200}};
    SECTION("right")
    {
        put_palette(data, 256, 0, 16, 256);
        CHECK(render(frame, Appearance::read(data, layout))[0].values
              == std::vector<std::uint8_t>{10, 200});
    }
    SECTION("values before the first and behind the last take these")
    {
        put_palette(data, 100, 20, 16, 100);
        CHECK(render(frame, Appearance::read(data, layout))[0].values
              == std::vector<std::uint8_t>{0, 99});
    }
    SECTION("shorter than its descriptor")
    {
        put_palette(data, 256, 0, 16, 100);
        CHECK_THROWS_AS(Appearance::read(data, layout), Error);
    }
    SECTION("0 entries are 65536")
    {
        put_palette(data, 0, 0, 16, 256);
        CHECK_THROWS_AS(Appearance::read(data, layout), Error);
    }
    SECTION("bits nobody has")
    {
        put_palette(data, 256, 0, 12, 256);
        CHECK_THROWS_AS(Appearance::read(data, layout), Error);
    }
    SECTION("absent")
    {
        CHECK_THROWS_AS(Appearance::read(data, layout), Error);
    }
}
