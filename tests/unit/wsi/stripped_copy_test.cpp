// SPDX-License-Identifier: MIT
#include "libfiona/base/digest.h"
#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/store/atomic_file.h"
#include "libfiona/wsi/openslide_reader.h"
#include "libfiona/wsi/strip_plan.h"
#include "libfiona/wsi/stripped_copy.h"
#include "libfiona/wsi/tile_table.h"
#include "tests/support/ndpi_maker.h"
#include "tests/support/shared_data.h"
#include "tests/support/skip.h"
#include "tests/support/small_disk.h"
#include "tests/support/svs_maker.h"
#include "tests/support/temp_dir.h"
#include "tests/support/tile_coder.h"

#include <catch2/catch.hpp>

#include <algorithm>

using namespace fiona;
using namespace fiona::wsi;
namespace fs = std::filesystem;

namespace {

constexpr std::size_t most = std::size_t{64} << 20U;

StripOptions named(const std::string& original)
{
    StripOptions options{MacroImage::remove, 0.0, Private{original}};
    return options;
}

StripOptions keeping_macro()
{
    return {MacroImage::blank_label, 0.0, Private{std::string{}}};
}

/// Every level's every tile is what it was.
bool has_same_tiles(const Slide& one, const Slide& other)
{
    const auto levels = one.levels();
    const auto others = other.levels();
    if (levels.size() != others.size()) {
        return false;
    }
    for (std::size_t i = 0; i < levels.size(); ++i) {
        TileTable a{one.tiff(), one.tiff().directories()[levels[i].directory]};
        TileTable b{other.tiff(), other.tiff().directories()[others[i].directory]};
        for (std::uint64_t tile = 0; tile < a.size(); ++tile) {
            const auto x = a.at(tile);
            const auto y = b.at(tile);
            if (one.file().read(x.offset, x.bytes) != other.file().read(y.offset, y.bytes)) {
                return false;
            }
        }
    }
    return true;
}

std::size_t count_files(const fs::path& folder)
{
    return static_cast<std::size_t>(
        std::distance(fs::directory_iterator{folder}, fs::directory_iterator{}));
}

} // namespace

TEST_CASE("a real slide loses label, macro and names, and keeps its tiles")
{
    const auto file = shared_data("wsi/CMU-1-Small-Region.svs");
    if (!file) {
        return;
    }
    const TempDir root;
    const auto slide = Slide::open(*file);

    const auto report = write_stripped_copy(slide, root / "clean.svs", named("CMU-1-Small-Region"));

    const auto copy = Slide::open(root / "clean.svs");
    CHECK(report.removed_images == 2);
    CHECK(report.bytes == fs::file_size(*file));
    CHECK(copy.images().size() == 2);
    CHECK(has_same_tiles(slide, copy));
    CHECK(copy.facts().mpp_x == 0.499);
    CHECK(copy.facts().objective_power == 20.0);
    CHECK(copy.scan_date().reveal() == "01/01/00");
    CHECK(copy.scanner_id().reveal() == "XXXXXXXXXX");
    const auto bytes = read_file(root / "clean.svs", most);
    CHECK(report.sha256 == sha256_hex(bytes));
    for (const auto* const text : {"CPAPERIOCS", "CMU-1", "12/29/09", "09:59:15", "1004486",
                                   "b414003d-95c6-48b0-9369-8010ed517ba7", "label", "macro"}) {
        CAPTURE(text);
        CHECK(bytes.find(text) == std::string::npos);
    }
}

TEST_CASE("a made slide of any kind comes out clean")
{
    using slide_maker::SvsCoding;
    slide_maker::SvsPlan plan;
    plan.layout = GENERATE(slide_maker::Layout::classic, slide_maker::Layout::big);
    plan.order = GENERATE(slide_maker::ByteOrder::little, slide_maker::ByteOrder::big);
    plan.style = GENERATE(slide_maker::SvsStyle::old, slide_maker::SvsStyle::gt450);
    plan.coding = GENERATE(SvsCoding::jpeg_rgb, SvsCoding::jpeg_ycbcr, SvsCoding::jpeg2000_ycc);
    plan.missing = {3};
    plan.width = 600;
    plan.height = 400;
    plan.variants = 4;
    CAPTURE(plan.layout, plan.order, plan.style, plan.coding);
    const TempDir root;
    const auto secrets = slide_maker::make_svs(root / "made.svs", plan);
    const auto slide = Slide::open(root / "made.svs");
    REQUIRE(slide.levels().size() == 3);

    const auto report = write_stripped_copy(slide, root / "clean.svs", named("made-0001"));

    const auto copy = Slide::open(root / "clean.svs");
    CHECK(report.removed_images == 2);
    CHECK(copy.images().size() == 4);
    CHECK(has_same_tiles(slide, copy));
    const auto bytes = read_file(root / "clean.svs", most);
    const auto before = read_file(root / "made.svs", most);
    for (const auto& secret : secrets) {
        CAPTURE(secret);
        CHECK(before.find(secret) != std::string::npos);
        CHECK(bytes.find(secret) == std::string::npos);
    }
}

TEST_CASE("a slide cleaned twice is the same")
{
    const TempDir root;
    slide_maker::make_svs(root / "made.svs", {});
    const auto first =
        write_stripped_copy(Slide::open(root / "made.svs"), root / "one.svs", named("made-0001"));

    const auto second =
        write_stripped_copy(Slide::open(root / "one.svs"), root / "two.svs", named("made-0001"));

    CHECK(second.removed_images == 0);
    CHECK(second.cleaned_values == 0);
    CHECK(second.sha256 == first.sha256);
}

TEST_CASE("what an earlier tool left behind goes too")
{
    const TempDir root;
    slide_maker::make_svs(root / "made.svs", {});
    auto bytes = read_file(root / "made.svs", most);
    const auto orphan = std::string{"orphaned label of Testesen"};
    store::write_file(root / "made.svs", bytes + orphan);

    write_stripped_copy(Slide::open(root / "made.svs"), root / "clean.svs", named(""));

    bytes = read_file(root / "clean.svs", most);
    CHECK(bytes.ends_with(std::string(orphan.size(), '\0')));
    CHECK(bytes.find("Testesen") == std::string::npos);
}

TEST_CASE("a pyramid of no maker keeps its levels and loses its words")
{
    const auto file = shared_data("wsi/boxes.tiff");
    if (!file) {
        return;
    }
    const TempDir root;
    const auto slide = Slide::open(*file);

    const auto report = write_stripped_copy(slide, root / "clean.tiff", named("boxes"));

    CHECK(report.cleaned_values == 4);
    CHECK(has_same_tiles(slide, Slide::open(root / "clean.tiff")));
    CHECK(read_file(root / "clean.tiff", most).find(std::string{"s\0R\0G\0B", 7})
          == std::string::npos);
}

TEST_CASE("a level in a coding nobody knows is refused")
{
    const auto file = shared_data("wsi/unopenable.tiff");
    if (!file) {
        return;
    }
    const TempDir root;

    CHECK_THROWS_AS(write_stripped_copy(Slide::open(*file), root / "clean.tiff", named("")), Error);

    CHECK(count_files(root.path) == 0);
}

TEST_CASE("a macro image that is kept has a white label and all the rest")
{
    const TempDir root;
    slide_maker::make_svs(root / "made.svs", {});
    const auto slide = Slide::open(root / "made.svs");

    const auto report = write_stripped_copy(slide, root / "clean.svs", keeping_macro());

    const auto copy = Slide::open(root / "clean.svs");
    CHECK(report.removed_images == 1);
    CHECK(report.blanked_images == 1);
    CHECK(copy.images().back().role == ImageRole::macro);
    CHECK(has_same_tiles(slide, copy));
}

TEST_CASE("the macro image of a real slide is blanked where its label is")
{
    const auto file = shared_data("wsi/CMU-1-Small-Region.svs");
    if (!file) {
        return;
    }
    const TempDir root;

    const auto report =
        write_stripped_copy(Slide::open(*file), root / "clean.svs", keeping_macro());

    CHECK(report.blanked_images == 1);
    CHECK(Slide::open(root / "clean.svs").images().size() == 3);
}

TEST_CASE("a slide of Hamamatsu's loses its pictures of the glass and its names")
{
    const TempDir root;
    slide_maker::NdpiPlan plan;
    plan.width = 1024;
    plan.height = 500;
    plan.levels = 3;
    const auto macro = GENERATE(MacroImage::remove, MacroImage::blank_label);
    plan.hole =
        macro == MacroImage::remove ? GENERATE(std::uint64_t{0}, std::uint64_t{4} << 30U) : 0;
    const auto secrets = slide_maker::make_ndpi(root / "made.ndpi", plan);
    const auto slide = Slide::open(root / "made.ndpi");

    const auto report = write_stripped_copy(slide, root / "clean.ndpi",
                                            {macro, 0.0, Private{std::string{"upload-0001"}}});

    const auto copy = Slide::open(root / "clean.ndpi");
    CHECK(report.removed_images == (macro == MacroImage::remove ? 2 : 1));
    CHECK(copy.levels().size() == slide.levels().size());
    CHECK(has_same_tiles(slide, copy));
    CHECK(copy.facts().model == slide.facts().model);
    CHECK(copy.facts().mpp_x == slide.facts().mpp_x);
    CHECK(copy.scan_date().reveal().empty());
    CHECK(copy.scanner_id().reveal().find_first_not_of(' ') == std::string::npos);
    if (plan.hole == 0) {
        const auto bytes = read_file(root / "clean.ndpi", most);
        for (const auto& secret : secrets) {
            CAPTURE(secret);
            CHECK(bytes.find(secret) == std::string::npos);
        }
        const std::vector<Region> regions{{0, 100, 100, 300, 200}, {2, 0, 0, 100, 60}};
        CHECK(decode_regions(root / "made.ndpi", regions)
              == decode_regions(root / "clean.ndpi", regions));
    }
}

TEST_CASE("text under the number of a measurement, or as a key, does not stay")
{
    const TempDir root;
    {
        slide_maker::TiffWriter writer{root / "made.svs"};
        const auto place = writer.add(std::string(3072, '\x55'));
        writer.add_directory(
            {slide_maker::longs(256, {32}), slide_maker::longs(257, {32}),
             slide_maker::shorts(258, {8, 8, 8}), slide_maker::shorts(259, {1}),
             slide_maker::shorts(262, {2}),
             slide_maker::ascii(270, "Aperio Image Library v1 |MPP = 0.5"
                                     "|Prove Patientsen = 1|AppMag = 20 Prove"),
             slide_maker::shorts(277, {3}), slide_maker::ascii(281, "Prove Testesen"),
             slide_maker::longs(322, {32}), slide_maker::longs(323, {32}),
             slide_maker::longs(324, {place}), slide_maker::longs(325, {3072}),
             slide_maker::undefined(340, "Testesen's biopsy"), slide_maker::ascii(32997, "Ola"),
             // Words of four bytes are numbers too.
             slide_maker::longs(532, std::vector<std::uint64_t>(20, 0x65747365))});
        writer.finish();
    }

    write_stripped_copy(Slide::open(root / "made.svs"), root / "clean.svs", named(""));

    const auto bytes = read_file(root / "clean.svs", most);
    for (const auto* const text : {"Testesen", "Prove", "Patientsen", "biopsy", "Ola", "este"}) {
        CAPTURE(text);
        CHECK(bytes.find(text) == std::string::npos);
    }
    CHECK(Slide::open(root / "clean.svs").facts().mpp_x == 0.5);
}

TEST_CASE("the upload's own name may not stand in the copy")
{
    const TempDir root;
    slide_maker::SvsPlan plan;
    plan.identity = {{"Parmset", "kidney_0001_02"}};
    slide_maker::make_svs(root / "made.svs", plan);

    write_stripped_copy(Slide::open(root / "made.svs"), root / "clean.svs",
                        named("kidney_0001_02"));

    CHECK(read_file(root / "clean.svs", most).find("kidney_0001_02") == std::string::npos);
}

TEST_CASE("a copy is never written over another file")
{
    const TempDir root;
    slide_maker::make_svs(root / "made.svs", {});
    store::write_file(root / "clean.svs", "somebody's");

    CHECK_THROWS_AS(
        write_stripped_copy(Slide::open(root / "made.svs"), root / "clean.svs", named("")), Error);

    CHECK(read_file(root / "clean.svs") == "somebody's");
    CHECK(count_files(root.path) == 2);
}

TEST_CASE("a label whose strips lie in a level's tiles cannot be removed")
{
    const TempDir root;
    const auto tile = std::string(4000, '\x55');
    {
        slide_maker::TiffWriter writer{root / "made.svs"};
        const auto place = writer.add(tile);
        const auto picture = [&](std::uint64_t width, std::uint64_t type) {
            return std::vector<slide_maker::Field>{
                slide_maker::longs(254, {type}),
                slide_maker::longs(256, {width}),
                slide_maker::longs(257, {32}),
                slide_maker::shorts(258, {8, 8, 8}),
                slide_maker::shorts(259, {1}),
                slide_maker::shorts(262, {2}),
                slide_maker::ascii(270, "Aperio Image Library v1 |MPP = 0.5"),
                slide_maker::shorts(277, {3})};
        };
        auto level = picture(32, 0);
        level.push_back(slide_maker::shorts(322, {32}));
        level.push_back(slide_maker::shorts(323, {32}));
        level.push_back(slide_maker::longs(324, {place}));
        level.push_back(slide_maker::longs(325, {3072}));
        writer.add_directory(level);
        auto label = picture(20, 1);
        label.push_back(slide_maker::longs(273, {place + 3000}));
        label.push_back(slide_maker::longs(279, {600}));
        writer.add_directory(label);
        writer.finish();
    }

    try {
        write_stripped_copy(Slide::open(root / "made.svs"), root / "clean.svs", named(""));
        FAIL("it was copied");
    } catch (const Error& error) {
        CHECK(error.fault() == Fault::data);
    }

    CHECK(count_files(root.path) == 1);
}

TEST_CASE("a comment inside a tile is emptied, its pixels stay")
{
    const TempDir root;
    slide_maker::SvsPlan plan;
    plan.variants = 1;
    plan.comment = "block of Testesen Prove";
    slide_maker::make_svs(root / "made.svs", plan);
    const auto slide = Slide::open(root / "made.svs");

    const auto report = write_stripped_copy(slide, root / "clean.svs", named(""));

    CHECK(report.cleaned_values > 15);
    CHECK(read_file(root / "clean.svs", most).find("Testesen Prove") == std::string::npos);
    const std::vector<Region> regions{{0, 0, 0, 256, 256}, {1, 0, 0, 100, 100}};
    CHECK(decode_regions(root / "made.svs", regions)
          == decode_regions(root / "clean.svs", regions));
}

TEST_CASE("words in and behind a code stream are emptied")
{
    const TempDir root;
    const auto picture = slide_maker::tissue(32, 32, 1);
    const bool is_jpeg = GENERATE(true, false);
    CAPTURE(is_jpeg);
    auto stream = is_jpeg ? slide_maker::jpeg_without_tables(picture, slide_maker::JpegColour::rgb)
                          : slide_maker::jpeg_2000(picture, slide_maker::Wavelet::irreversible,
                                                   slide_maker::ComponentTransform::inside);
    if (!is_jpeg) {
        // A segment that no decoder knows, in the main header.
        stream.insert(stream.find("\xff\x64"), std::string{"\xff\x6f\x00\x08Patien", 10});
    }
    stream += "Testesen, Prove";
    {
        slide_maker::TiffWriter writer{root / "made.svs"};
        const auto place = writer.add(stream);
        writer.add_directory(
            {slide_maker::longs(256, {32}), slide_maker::longs(257, {32}),
             slide_maker::shorts(258, {8, 8, 8}), slide_maker::shorts(259, {is_jpeg ? 7U : 33005U}),
             slide_maker::shorts(262, {2}),
             slide_maker::ascii(270, "Aperio Image Library v1 |MPP = 0.5"),
             slide_maker::shorts(277, {3}), slide_maker::longs(322, {32}),
             slide_maker::longs(323, {32}), slide_maker::longs(324, {place}),
             slide_maker::longs(325, {stream.size()}),
             slide_maker::undefined(347,
                                    std::string{"\xff\xd8\xff\xf5\x00\x06Hans\xff\xd9Ola", 15})});
        writer.finish();
    }

    write_stripped_copy(Slide::open(root / "made.svs"), root / "clean.svs", named(""));

    const auto bytes = read_file(root / "clean.svs", most);
    for (const auto* const text : {"Testesen", "Prove", "Patien", "Hans", "Ola"}) {
        CAPTURE(text);
        CHECK(bytes.find(text) == std::string::npos);
    }
    CHECK(bytes.find(stream.substr(stream.size() / 2, stream.size() / 4)) != std::string::npos);
}

TEST_CASE("more tiles than a slide can have are refused before their places are kept")
{
    const TempDir root;
    slide_maker::TiffWriter writer{root / "made.svs", slide_maker::Layout::big};
    const auto table = std::vector<std::uint64_t>(1U << 20U, 16);
    for (unsigned i = 0; i < 9; ++i) {
        writer.add_directory({slide_maker::longs(256, {16}), slide_maker::longs(257, {1U << 20U}),
                              slide_maker::ascii(270, "Aperio"), slide_maker::shorts(322, {16}),
                              slide_maker::shorts(323, {1}), slide_maker::longs(324, table),
                              slide_maker::longs(325, table)});
    }
    writer.finish();

    CHECK_THROWS_WITH(Slide::open(root / "made.svs"), Catch::Contains("more than 8388608 tiles"));
}

TEST_CASE("a plan follows offsets beyond 4 GiB")
{
    const TempDir root;
    slide_maker::SvsPlan made;
    made.layout = slide_maker::Layout::big;
    made.hole = std::uint64_t{4} << 30U;
    slide_maker::make_svs(root / "made.svs", made);
    const auto slide = Slide::open(root / "made.svs");

    const auto plan = strip_plan(slide, named("made-0001"));

    CHECK(plan.all.ranges().back().offset > (std::uint64_t{4} << 30U));
    CHECK(plan.gone.ranges().back().offset > (std::uint64_t{4} << 30U));
    const auto gaps = plan.all.gaps(slide.file().size());
    CHECK(std::ranges::any_of(gaps.ranges(), [&](const ByteRange& gap) {
        return gap.bytes >= made.hole; // is not copied, and stays a hole
    }));
}

TEST_CASE("a full disk leaves nothing of a copy")
{
    const TempDir root;
    slide_maker::SvsPlan plan;
    plan.width = 3000;
    plan.height = 3000;
    slide_maker::make_svs(root / "made.svs", plan);
    const SmallDisk disk{root / "disk", "1m"};
    if (!disk.is_mounted()) {
        skip("only root may mount a small disk");
        return;
    }

    try {
        write_stripped_copy(Slide::open(root / "made.svs"), root / "disk" / "clean.svs",
                            named("made-0001"));
        FAIL("it was copied");
    } catch (const Error& error) {
        CHECK(error.fault() == Fault::io);
    }

    CHECK(count_files(root / "disk") == 0);
}
