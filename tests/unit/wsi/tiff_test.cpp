// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/wsi/slide.h"
#include "libfiona/wsi/tiff.h"
#include "libfiona/wsi/tile_table.h"
#include "tests/support/ndpi_maker.h"
#include "tests/support/temp_dir.h"
#include "tests/support/tiff_writer.h"

#include <catch2/catch.hpp>

using namespace fiona;
using namespace fiona::wsi;
using namespace slide_maker;

TEST_CASE("numbers are read in every layout and byte order")
{
    const auto layout = GENERATE(Layout::classic, Layout::big);
    const auto order = GENERATE(ByteOrder::little, ByteOrder::big);
    const TempDir root;
    {
        TiffWriter writer{root / "a.tiff", layout, order};
        writer.add_directory({shorts(256, {600}), longs(257, {70'000}), shorts(258, {8, 9, 10}),
                              rational(282, 5000, 2), ascii(270, "abc"),
                              undefined(347, std::string{"\0\1\2\3\4\5\6\7\x08", 9}),
                              offsets(324, {1, 2, 3, 4})});
        writer.add_directory({shorts(256, {1})});
        writer.finish();
    }
    const SlideFile file{root / "a.tiff"};

    const Tiff tiff{file};

    CHECK(tiff.kind() == (layout == Layout::big ? TiffKind::big : TiffKind::classic));
    CHECK(tiff.is_big_endian() == (order == ByteOrder::big));
    REQUIRE(tiff.directories().size() == 2);
    const auto& directory = tiff.directories()[0];
    CHECK(tiff.number(directory, 256) == 600);
    CHECK(tiff.number(directory, 257) == 70'000);
    CHECK(tiff.numbers(directory, 258, 10) == std::vector<std::uint64_t>{8, 9, 10});
    CHECK(tiff.numbers(directory, 324, 4) == std::vector<std::uint64_t>{1, 2, 3, 4});
    CHECK(tiff.numbers(*directory.find(324), 1, 2) == std::vector<std::uint64_t>{2, 3});
    CHECK(tiff.real(directory, 282) == 2500.0);
    CHECK(tiff.bytes(directory, 270, 10) == std::string{"abc\0", 4});
    CHECK(tiff.bytes(directory, 347, 10).size() == 9);
    CHECK_FALSE(tiff.number(directory, 999));
    CHECK_FALSE(tiff.number(directory, 270));
    CHECK_THROWS_AS(tiff.numbers(directory, 324, 3), Error);
    CHECK_THROWS_AS(tiff.bytes(directory, 347, 8), Error);
    CHECK(directory.next == tiff.directories()[1].offset);
}

TEST_CASE("directories below others are found, behind the chain")
{
    const auto layout = GENERATE(Layout::classic, Layout::big);
    const TempDir root;
    {
        TiffWriter writer{root / "a.tiff", layout};
        const auto one = writer.add_lone_directory({shorts(256, {11})});
        const auto two = writer.add_lone_directory({shorts(256, {12})});
        writer.add_directory({shorts(256, {1}), offsets(330, {one, two})});
        writer.add_directory({shorts(256, {2})});
        writer.finish();
    }
    const SlideFile file{root / "a.tiff"};

    const Tiff tiff{file};

    std::vector<std::uint64_t> widths;
    for (const auto& directory : tiff.directories()) {
        widths.push_back(tiff.number(directory, 256).value_or(0));
    }
    CHECK(widths == std::vector<std::uint64_t>{1, 2, 11, 12});
    CHECK_FALSE(tiff.directories()[1].is_sub_directory);
    CHECK(tiff.directories()[2].is_sub_directory);
}

TEST_CASE("Hamamatsu's directories are followed beyond 4 GiB")
{
    const TempDir root;
    NdpiPlan plan;
    plan.width = 1024;
    plan.height = 500;
    plan.levels = 2;
    plan.hole = GENERATE(std::uint64_t{0}, std::uint64_t{5} << 30U);
    make_ndpi(root / "a.ndpi", plan);
    const SlideFile file{root / "a.ndpi"};

    const Tiff tiff{file};

    CHECK(tiff.kind() == TiffKind::ndpi);
    const auto& last = tiff.directories().back();
    CHECK((last.offset > 0xffffffff) == (plan.hole > 0));
    TileTable table{tiff, tiff.directories().front()};
    CHECK(table.size() == 1);
    const auto start = file.read(table.at(0).offset, 2);
    CHECK(start == std::vector{std::byte{0xff}, std::byte{0xd8}});
}

TEST_CASE("Hamamatsu's pictures are told apart by their lens")
{
    const TempDir root;
    NdpiPlan plan;
    plan.width = 1024;
    plan.height = 500;
    plan.levels = 2;
    const auto secrets = make_ndpi(root / "a.ndpi", plan);

    const auto slide = Slide::open(root / "a.ndpi");

    std::map<ImageRole, int> count;
    for (const auto& image : slide.images()) {
        ++count[image.role];
    }
    CHECK(slide.format() == SlideFormat::hamamatsu);
    CHECK(count[ImageRole::level] == 2);
    CHECK(count[ImageRole::macro] == 1);
    CHECK(count[ImageRole::map] == 1);
    CHECK(slide.facts().mpp_x.value_or(0.0) > 0.0);
    CHECK(slide.facts().objective_power.value_or(0.0) > 0.0);
    CHECK_FALSE(slide.facts().model.empty());
    CHECK_FALSE(slide.facts().resolutions.empty());
    CHECK_FALSE(slide.scan_date().reveal().empty());
    CHECK_FALSE(secrets.empty());
}

TEST_CASE("a table of tiles is read in pieces and in any order")
{
    const TempDir root;
    constexpr std::uint64_t side = 150; // more tiles than one piece of the table
    std::vector<std::uint64_t> places;
    {
        TiffWriter writer{root / "a.tiff"};
        const auto start = writer.add(std::string(side * side, 'x'));
        for (std::uint64_t i = 0; i < side * side; ++i) {
            places.push_back(start + i);
        }
        writer.add_directory({longs(256, {side * 16}), longs(257, {side * 16}), shorts(322, {16}),
                              shorts(323, {16}), longs(324, places),
                              longs(325, std::vector<std::uint64_t>(places.size(), 1))});
        writer.finish();
    }
    const SlideFile file{root / "a.tiff"};
    const Tiff tiff{file};

    TileTable table{tiff, tiff.directories().front()};

    CHECK(table.size() == side * side);
    CHECK(table.across() == side);
    for (const std::uint64_t i : {0U, 22'499U, 8191U, 8192U, 3U}) {
        CHECK(table.at(i).offset == places[i]);
    }
    CHECK_THROWS_AS(table.at(22'500), Error);
}
