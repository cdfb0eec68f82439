// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/wsi/dicom_header.h"
#include "libfiona/wsi/encapsulated_file.h"
#include "libfiona/wsi/icc_profile.h"
#include "tests/support/slide_objects.h"
#include "tests/support/temp_dir.h"

#include <catch2/catch.hpp>

using namespace fiona;
using namespace fiona::wsi;
namespace fs = std::filesystem;

namespace {

LevelHeader some_level(std::uint64_t frames)
{
    LevelHeader level;
    level.image.width = 512 * frames;
    level.image.height = 512;
    level.coding = {"1.2.840.10008.1.2.4.50", "RGB", false, 512, 512};
    level.frames = frames;
    level.mpp_x = level.mpp_y = 0.25;
    return level;
}

std::string header(std::uint64_t frames, double ratio)
{
    auto level = some_level(frames);
    level.compression_ratio = ratio;
    return dicom_header({}, sample_slide_header(), level, srgb_input_profile());
}

fs::path written(const TempDir& root, OffsetTable table)
{
    EncapsulatedFile file{root / "a.dcm", header(3, 1.0), 3, table};
    for (const auto& frame : std::vector<std::string>{"first", "second", "3."}) {
        file.add(std::as_bytes(std::span{frame}));
    }
    file.finish(header(3, 17.25));
    file.commit();
    return root / "a.dcm";
}

std::string little_endian(std::uint64_t value, unsigned bytes)
{
    std::string text;
    for (unsigned i = 0; i < bytes; ++i) {
        text.push_back(static_cast<char>((value >> (8 * i)) & 255U));
    }
    return text;
}

} // namespace

TEST_CASE("frames are padded to an even length and found again")
{
    const auto table = GENERATE(OffsetTable::basic, OffsetTable::extended);
    const TempDir root;

    const auto file = written(root, table);

    using namespace std::string_literals;
    CHECK(frames_of(file) == std::vector{"first\0"s, "second"s, "3."s});
    CHECK(value_of(file, "LossyImageCompressionRatio") == "17.25000");
}

TEST_CASE("the basic offset table counts from the first item")
{
    const TempDir root;

    const auto bytes = read_file(written(root, OffsetTable::basic));

    const auto table = std::string{"\xfe\xff\x00\xe0", 4} + little_endian(12, 4)
                       + little_endian(0, 4) + little_endian(14, 4) + little_endian(28, 4);
    CHECK(bytes.find(table) != std::string::npos);
}

TEST_CASE("the extended offset table stands before the pixel data, and the basic one is empty")
{
    const TempDir root;

    const auto bytes = read_file(written(root, OffsetTable::extended));

    const auto offsets = std::string{"\xe0\x7f\x01\x00OV\0\0", 8} + little_endian(24, 4)
                         + little_endian(0, 8) + little_endian(14, 8) + little_endian(28, 8);
    const auto lengths = std::string{"\xe0\x7f\x02\x00OV\0\0", 8} + little_endian(24, 4)
                         + little_endian(6, 8) + little_endian(6, 8) + little_endian(2, 8);
    const auto empty = std::string{"\xe0\x7f\x10\x00OB\0\0\xff\xff\xff\xff\xfe\xff\x00\xe0", 16}
                       + little_endian(0, 4);
    CHECK(bytes.find(offsets + lengths + empty) != std::string::npos);
}

TEST_CASE("beyond 4 GiB the extended table is taken")
{
    CHECK(offset_table_for(1000, 0xfffff000 - 20'000) == OffsetTable::basic);
    CHECK(offset_table_for(1000, 0xfffff000) == OffsetTable::extended);
}

TEST_CASE("a file that is not finished was never there")
{
    const TempDir root;
    {
        EncapsulatedFile file{root / "a.dcm", header(2, 1.0), 2, OffsetTable::basic};
        file.add(std::as_bytes(std::span{"one", 3}));
        CHECK_THROWS_AS(file.finish(header(2, 1.0)), Error); // a frame is missing
    }

    CHECK(fs::is_empty(root.path));
}

TEST_CASE("a header keeps its length whatever the compression came to")
{
    const auto ratio = GENERATE(0.5, 1.0, 9.99999999, 123.456, 99999.9, 1e9);

    CHECK(header(3, ratio).size() == header(3, 1.0).size());
}

TEST_CASE("names with a code give both")
{
    CHECK(coded_name("Kidney [64033007]").code == "64033007");
    CHECK(coded_name("Kidney [64033007]").name == "Kidney");
    CHECK(coded_name("[12710003] 06 HE").name == "06 HE");
    CHECK(coded_name(" plain ").name == "plain");
    CHECK(coded_name("open [1").code.empty());
}

TEST_CASE("values that would mean something to DICOM do not")
{
    const TempDir root;
    auto slide = sample_slide_header();
    slide.record.specimen = "Kid\\ney\r\n[64033007]";
    slide.record.department = std::string(100, 'D');
    EncapsulatedFile file{root / "a.dcm",
                          dicom_header({}, slide, some_level(1), srgb_input_profile()), 1,
                          OffsetTable::basic};
    file.add(std::as_bytes(std::span{"ab", 2}));
    file.finish(dicom_header({}, slide, some_level(1), srgb_input_profile()));
    file.commit();

    const auto text = value_of(root / "a.dcm", "SeriesDescription");

    CHECK(text.starts_with("Kid/ney"));
    CHECK(text.size() == 64);
    CHECK(value_of(root / "a.dcm", "PatientID") == "DEMO_0001");
}
