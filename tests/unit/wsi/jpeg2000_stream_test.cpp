// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/wsi/jpeg2000_stream.h"
#include "tests/support/slide_objects.h"
#include "tests/support/temp_dir.h"
#include "tests/support/tile_coder.h"

#include <catch2/catch.hpp>

using namespace fiona;
using namespace fiona::wsi;
using slide_maker::ComponentTransform;
using slide_maker::Wavelet;

namespace {

constexpr unsigned side = 128;

std::string coded(Wavelet wavelet, ComponentTransform transform)
{
    return slide_maker::jpeg_2000(slide_maker::tissue(side, side, 1), wavelet, transform);
}

ByteSpan bytes_of(const std::string& text)
{
    return std::as_bytes(std::span{text});
}

std::string text_of(ByteSpan bytes)
{
    // NOLINTNEXTLINE(*-reinterpret-cast) bytes as text, that is all
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

} // namespace

TEST_CASE("YCbCr made before coding comes out as RGB once the code stream says so")
{
    const auto stream = coded(Wavelet::irreversible, ComponentTransform::before);
    Jpeg2000Tiles tiles{TileColour::ycc, side, side};

    const auto frame = text_of(tiles.frame(bytes_of(stream)).value());

    CHECK(tiles.coding().photometric == "YBR_ICT");
    CHECK(tiles.coding().transfer_syntax == "1.2.840.10008.1.2.4.91");
    REQUIRE(frame.size() == stream.size());
    std::size_t changed = 0;
    const auto comment = stream.find("\xff\x64");
    for (std::size_t i = 0; i < std::min(comment, stream.size()); ++i) {
        changed += frame[i] == stream[i] ? 0U : 1U;
    }
    CHECK(changed == 1); // one byte of COD
    const TempDir scratch;
    const auto original = slide_maker::tissue(side, side, 1);
    CHECK(difference(decode_jpeg_2000(frame, scratch.path), {side, side, original.rgb}) < 48);
}

TEST_CASE("what a code stream says of itself decides its name")
{
    struct Expected {
        Wavelet wavelet;
        ComponentTransform transform;
        Jpeg2000Coding coding;
    };
    const auto expected = GENERATE(Expected{Wavelet::irreversible,
                                            ComponentTransform::inside,
                                            {"1.2.840.10008.1.2.4.91", "YBR_ICT", false}},
                                   Expected{Wavelet::irreversible,
                                            ComponentTransform::none,
                                            {"1.2.840.10008.1.2.4.91", "RGB", false}},
                                   Expected{Wavelet::reversible,
                                            ComponentTransform::inside,
                                            {"1.2.840.10008.1.2.4.90", "YBR_RCT", true}},
                                   Expected{Wavelet::reversible,
                                            ComponentTransform::none,
                                            {"1.2.840.10008.1.2.4.90", "RGB", true}});
    const auto stream = coded(expected.wavelet, expected.transform);
    Jpeg2000Tiles tiles{TileColour::rgb, side, side};

    REQUIRE(tiles.frame(bytes_of(stream)));

    CHECK(tiles.coding() == expected.coding);
}

TEST_CASE("comments of a code stream are blanked, and nothing else")
{
    auto stream = coded(Wavelet::irreversible, ComponentTransform::inside);
    const std::string comment{"\xff\x64\0\x0c\0\1TESTESEN", 14};
    stream.insert(stream.find("\xff\x90"), comment);
    Jpeg2000Tiles tiles{TileColour::rgb, side, side};

    const auto frame = text_of(tiles.frame(bytes_of(stream)).value());

    CHECK(frame.size() == stream.size());
    CHECK(frame.find("TESTESEN") == std::string::npos);
    CHECK(frame.find(std::string{"\xff\x64\0\x0c\0\1        ", 14}) != std::string::npos);
}

TEST_CASE("reversible YCbCr made before coding has no name in DICOM")
{
    const auto stream = coded(Wavelet::reversible, ComponentTransform::before);
    Jpeg2000Tiles tiles{TileColour::ycc, side, side};

    CHECK_FALSE(tiles.frame(bytes_of(stream)));
    CHECK(tiles.why_not() == "its YCbCr is coded by the reversible wavelet");
}

TEST_CASE("a code stream cut anywhere is damaged")
{
    const auto stream = coded(Wavelet::irreversible, ComponentTransform::inside);
    Jpeg2000Tiles tiles{TileColour::rgb, side, side};

    for (std::size_t length = 0; length < stream.size(); ++length) {
        CAPTURE(length);
        CHECK_THROWS_AS(tiles.frame(bytes_of(stream).first(length)), Error);
    }
}
