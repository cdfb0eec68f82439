// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/pixel/description.h"
#include "tests/unit/pixel/pictures.h"

#include <catch2/catch.hpp>

#include <functional>

using namespace fiona;
using namespace fiona::pixel;

TEST_CASE("the size of an image is worked out in 64 bits")
{
    DcmDataset data;
    pictures::describe(
        data, {.rows = 8192, .columns = 8192, .samples = 3, .photometric = "RGB", .frames = 1000});

    const auto description = PixelDescription::read(data);

    CHECK(description.layout.frame_bytes() == 8192ULL * 8192 * 3);
    CHECK(description.frames == 1000);
}

TEST_CASE("a header that lies about its pixels is refused before anything is decoded")
{
    using Lie = std::function<void(DcmDataset&)>;
    const auto& [name, lie] = GENERATE(table<std::string, Lie>({
        {"no rows", [](auto& d) { d.putAndInsertUint16(DCM_Rows, 0); }},
        {"rows absent", [](auto& d) { d.findAndDeleteElement(DCM_Rows); }},
        {"rows as UL",
         [](auto& d) {
             d.findAndDeleteElement(DCM_Rows);
             d.insert(std::make_unique<DcmUnsignedLong>(DcmTag{DCM_Rows, EVR_UL}).release());
         }},
        {"frame too large",
         [](auto& d) {
             d.putAndInsertUint16(DCM_Rows, 65535);
             d.putAndInsertUint16(DCM_Columns, 65535);
         }},
        {"too many frames",
         [](auto& d) { d.putAndInsertString(DCM_NumberOfFrames, "2000000000"); }},
        {"frames overflow",
         [](auto& d) { d.putAndInsertString(DCM_NumberOfFrames, "99999999999"); }},
        {"negative frames", [](auto& d) { d.putAndInsertString(DCM_NumberOfFrames, "-1"); }},
        {"high bit", [](auto& d) { d.putAndInsertUint16(DCM_HighBit, 8); }},
        {"1 bit", [](auto& d) { d.putAndInsertUint16(DCM_BitsAllocated, 1); }},
        {"12 bits", [](auto& d) { d.putAndInsertUint16(DCM_BitsAllocated, 12); }},
        {"52 bits", [](auto& d) { d.putAndInsertUint16(DCM_BitsAllocated, 52); }},
        {"32 bits", [](auto& d) { d.putAndInsertUint16(DCM_BitsAllocated, 32); }},
        {"more bits stored", [](auto& d) { d.putAndInsertUint16(DCM_BitsStored, 9); }},
        {"representation", [](auto& d) { d.putAndInsertUint16(DCM_PixelRepresentation, 2); }},
        {"samples", [](auto& d) { d.putAndInsertUint16(DCM_SamplesPerPixel, 3); }},
        {"photometric",
         [](auto& d) { d.putAndInsertString(DCM_PhotometricInterpretation, "HSV"); }},
    }));
    CAPTURE(name);
    DcmDataset data;
    pictures::describe(data, {});
    REQUIRE_NOTHROW(PixelDescription::read(data));

    lie(data);

    CHECK_THROWS_AS(PixelDescription::read(data), Error);
}

TEST_CASE("what is no picture to look at is refused with the reason: floats, doubles, single bits")
{
    DcmDataset data;
    pictures::describe(data, {});
    std::string reason;
    SECTION("float pixels")
    {
        data.putAndInsertFloat32(DcmTag{DCM_FloatPixelData, EVR_OF}, 1.5F);
        reason = "floating point";
    }
    SECTION("double pixels")
    {
        data.putAndInsertFloat64(DcmTag{DCM_DoubleFloatPixelData, EVR_OD}, 1.5);
        reason = "floating point";
    }
    SECTION("a segmentation of one bit")
    {
        data.putAndInsertUint16(DCM_BitsAllocated, 1);
        data.putAndInsertUint16(DCM_BitsStored, 1);
        data.putAndInsertUint16(DCM_HighBit, 0);
        reason = "bits";
    }
    SECTION("a dose of 32 bits")
    {
        data.putAndInsertUint16(DCM_BitsAllocated, 32);
        data.putAndInsertUint16(DCM_BitsStored, 32);
        data.putAndInsertUint16(DCM_HighBit, 31);
        reason = "bits";
    }

    try {
        static_cast<void>(PixelDescription::read(data));
        FAIL("it was taken");
    } catch (const Error& error) {
        CHECK(error.fault() == Fault::data);
        CHECK_THAT(error.what(), Catch::Contains(reason));
    }
}
