// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/wsi/restart_cutter.h"

#include <catch2/catch.hpp>

using namespace fiona;
using namespace fiona::wsi;

namespace {

ByteSpan bytes_of(std::string_view text)
{
    return std::as_bytes(std::span{text});
}

std::string text_of(ByteSpan bytes)
{
    // NOLINTNEXTLINE(*-reinterpret-cast) bytes as text, that is all
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

} // namespace

TEST_CASE("tiles of restart intervals are at least 512 wide, and square if the picture lets them")
{
    JpegHeader header;
    header.components = {{1, 2, 1}, {2, 1, 1}, {3, 1, 1}};
    header.restart_interval = 16; // MCUs of 16 pixels: 256

    const auto layout = restart_layout(header, 5120, 4001);

    REQUIRE(layout);
    CHECK(layout->tile_width == 512);
    CHECK(layout->tile_height == 512);
    CHECK(layout->tiles_across() == 10);
    CHECK(layout->tiles_down() == 8);
    CHECK(layout->intervals() == std::uint64_t{20} * 501);
    CHECK_FALSE(restart_layout(header, 5130, 4001)); // an interval would span two rows
}

TEST_CASE("restart markers are numbered anew in a tile")
{
    JpegHeader header;
    header.components = {{1, 1, 1}, {2, 1, 1}, {3, 1, 1}};
    header.restart_interval = 64; // 512 pixels
    const auto layout = restart_layout(header, 512, 96).value();
    REQUIRE(layout.tile_rows == 12);
    RestartCutter cutter{{}, header, JpegColour::ycc, layout};

    cutter.begin();
    for (int i = 0; i < 12; ++i) {
        cutter.add(bytes_of("ab\xff\xd5"));
    }
    const auto frame = text_of(cutter.finish());

    std::string expected{"\xff\xd8"};
    for (int i = 0; i < 12; ++i) {
        expected += "ab\xff";
        expected += i == 11 ? '\xd9' : static_cast<char>(0xd0 + i % 8);
    }
    CHECK(frame == expected);
}

TEST_CASE("an interval without its marker, or with a foreign one, is damaged")
{
    JpegHeader header;
    header.components = {{1, 1, 1}, {2, 1, 1}, {3, 1, 1}};
    header.restart_interval = 64;
    RestartCutter cutter{{}, header, JpegColour::ycc, restart_layout(header, 512, 96).value()};
    cutter.begin();

    const auto* const interval = GENERATE("ab", "", "\xff\xd0", "ab\xff\xda",
                                          "ab\xff\xd0"
                                          "cd\xff\xd1");

    CHECK_THROWS_AS(cutter.add(bytes_of(interval)), Error);
}

TEST_CASE("intervals of more bytes than their pixels can need are refused before they take memory")
{
    JpegHeader header;
    header.components = {{1, 1, 1}, {2, 1, 1}, {3, 1, 1}};
    header.restart_interval = 64;
    const auto layout = restart_layout(header, 512, 96).value();
    RestartCutter cutter{{}, header, JpegColour::ycc, layout};
    const auto interval = std::string(std::size_t{100} << 10U, '\0') + "\xff\xd0";

    try {
        cutter.begin();
        for (std::uint32_t i = 0; i < layout.tile_rows; ++i) {
            cutter.add(bytes_of(interval));
        }
        FAIL("a tile of a megabyte");
    } catch (const Error& error) {
        CHECK(error.fault() == Fault::data);
    }
}
