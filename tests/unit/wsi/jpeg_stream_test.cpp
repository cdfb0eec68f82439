// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/wsi/jpeg_encoder.h"
#include "libfiona/wsi/jpeg_stream.h"
#include "tests/support/slide_objects.h"
#include "tests/support/tile_coder.h"

#include <catch2/catch.hpp>

#include <algorithm>

using namespace fiona;
using namespace fiona::wsi;

namespace {

constexpr unsigned side = 64;

ByteSpan bytes_of(const std::string& text)
{
    return std::as_bytes(std::span{text});
}

std::string text_of(ByteSpan bytes)
{
    // NOLINTNEXTLINE(*-reinterpret-cast) bytes as text, that is all
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::string tile()
{
    return slide_maker::jpeg_without_tables(slide_maker::tissue(side, side, 1),
                                            slide_maker::JpegColour::rgb);
}

std::string tables()
{
    return slide_maker::jpeg_tables(slide_maker::JpegColour::rgb);
}

} // namespace

TEST_CASE("tables and tile make a frame whose scan is the tile's own")
{
    const auto table = tables();
    const auto abbreviated = tile();
    JpegTiles tiles{bytes_of(table), fiona::wsi::JpegColour::rgb, side, side};

    const auto frame = text_of(tiles.frame(bytes_of(abbreviated)).value());

    CHECK(frame.starts_with(std::string{"\xff\xd8\xff\xee\0\x0e"
                                        "Adobe",
                                        11}));
    const auto scan = abbreviated.substr(abbreviated.find("\xff\xda"));
    CHECK(frame.ends_with(scan));
    CHECK(decode_jpeg(frame).rgb.size() == std::size_t{side} * side * 3);
}

TEST_CASE("comments and application segments stay behind")
{
    auto table = tables();
    auto abbreviated = tile();
    const std::string comment{"\xff\xfe\0\x0aTESTESEN", 12};
    const std::string application{"\xff\xe1\0\x0a"
                                  "Exif1234",
                                  12};
    table.insert(2, comment);
    abbreviated.insert(2, comment + application);
    abbreviated += "TESTESEN behind the end";
    JpegTiles tiles{bytes_of(table), fiona::wsi::JpegColour::ycc, side, side};

    const auto frame = text_of(tiles.frame(bytes_of(abbreviated)).value());

    CHECK(frame.find("TESTESEN") == std::string::npos);
    CHECK(frame.find("Exif") == std::string::npos);
    CHECK(frame.ends_with("\xff\xd9"));
}

TEST_CASE("a tile of another kind is not passed through, and says why")
{
    const auto table = tables();
    auto abbreviated = tile();
    const auto frame_header = abbreviated.find("\xff\xc0");
    REQUIRE(frame_header != std::string::npos);

    SECTION("another size")
    {
        JpegTiles tiles{bytes_of(table), fiona::wsi::JpegColour::rgb, side, side + 1};
        CHECK_FALSE(tiles.frame(bytes_of(abbreviated)));
        CHECK(tiles.why_not() == "a tile's JPEG has another size than the tile");
    }
    SECTION("progressive")
    {
        abbreviated[frame_header + 1] = '\xc2';
        JpegTiles tiles{bytes_of(table), fiona::wsi::JpegColour::rgb, side, side};
        CHECK_FALSE(tiles.frame(bytes_of(abbreviated)));
        CHECK(tiles.why_not() == "its JPEG is not baseline");
    }
    SECTION("twelve bits")
    {
        abbreviated[frame_header + 4] = 12;
        JpegTiles tiles{bytes_of(table), fiona::wsi::JpegColour::rgb, side, side};
        CHECK_FALSE(tiles.frame(bytes_of(abbreviated)));
        CHECK(tiles.why_not() == "its JPEG has no 8 bits");
    }
}

TEST_CASE("a tile cut anywhere is damaged, never half a frame")
{
    const auto table = tables();
    const auto abbreviated = tile();
    JpegTiles tiles{bytes_of(table), fiona::wsi::JpegColour::rgb, side, side};

    for (std::size_t length = 0; length < abbreviated.size(); ++length) {
        CAPTURE(length);
        CHECK_THROWS_AS(tiles.frame(bytes_of(abbreviated).first(length)), Error);
    }
}

TEST_CASE("a white tile is white in either colour")
{
    const auto colour = GENERATE(fiona::wsi::JpegColour::rgb, fiona::wsi::JpegColour::ycc);

    const auto white = decode_jpeg(text_of(white_jpeg({48, 40, colour})));

    CHECK(white.width == 48);
    CHECK(white.rgb == std::string(std::size_t{48} * 40 * 3, '\xff'));
}
