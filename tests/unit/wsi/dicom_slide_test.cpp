// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/base/process.h"
#include "libfiona/wsi/dicom_slide.h"
#include "tests/support/ndpi_maker.h"
#include "tests/support/shared_data.h"
#include "tests/support/slide_objects.h"
#include "tests/support/svs_maker.h"
#include "tests/support/temp_dir.h"

#include <catch2/catch.hpp>

#include <fcntl.h>

#include <algorithm>

using namespace fiona;
using namespace fiona::wsi;
using slide_maker::make_ndpi;
using slide_maker::make_svs;
using slide_maker::SvsCoding;
namespace fs = std::filesystem;

namespace {

std::uint32_t pixels(std::uint64_t value)
{
    return static_cast<std::uint32_t>(value);
}

Picture picture_of(const fs::path& object, const SlideImage& level)
{
    const TempDir scratch;
    std::vector<Picture> tiles;
    for (const auto& frame : frames_of(object)) {
        tiles.push_back(frame.starts_with("\xff\x4f") ? decode_jpeg_2000(frame, scratch.path)
                                                      : decode_jpeg(frame));
    }
    return whole_picture(tiles, pixels(level.width), pixels(level.height));
}

/// The largest difference between a level's object and what OpenSlide reads of it.
int difference_from_openslide(const Slide& slide, const DicomSlide& written, std::size_t number)
{
    const auto level = slide.levels().at(number);
    return difference(picture_of(written.files.at(number), level),
                      openslide_picture(slide.path(), pixels(level.width), pixels(level.height)));
}

/// What dciodvfy has to say against it.
std::string complaints(const fs::path& object)
{
    const auto validated = run({.arguments = {"dciodvfy", object.native()}});
    std::string errors;
    for (const auto& text : {validated.out, validated.err}) {
        for (auto at = text.find("Error"); at != std::string::npos;
             at = text.find("Error", at + 1)) {
            errors += text.substr(at, text.find('\n', at) - at) + "\n";
        }
    }
    return errors;
}

fs::path empty_folder(const TempDir& root, const char* name)
{
    fs::create_directory(root / name);
    return root / name;
}

} // namespace

TEST_CASE("a real slide becomes a DICOM object with the same pixels")
{
    const auto file = shared_data("wsi/CMU-1-Small-Region.svs");
    if (!file) {
        return;
    }
    const TempDir folder;
    const auto slide = Slide::open(*file);

    const auto written = write_dicom_slide(slide, sample_slide_header(), folder.path);

    REQUIRE(written.files == std::vector<fs::path>{folder / "level-0.dcm"});
    CHECK(written.frames == 130);
    CHECK(written.passed_through == 130);
    CHECK(written.bytes == fs::file_size(written.files[0]));
    CHECK(difference_from_openslide(slide, written, 0) == 0);
    CHECK(complaints(written.files[0]).empty());
}

TEST_CASE("tiles of JPEG pass through, whatever the layout and the colour")
{
    const auto coding = GENERATE(SvsCoding::jpeg_rgb, SvsCoding::jpeg_ycbcr);
    const auto layout = GENERATE(slide_maker::Layout::classic, slide_maker::Layout::big);
    const TempDir root;
    static_cast<void>(make_svs(root / "a.svs", {.layout = layout, .coding = coding}));
    const auto slide = Slide::open(root / "a.svs");

    const auto written = write_dicom_slide(slide, sample_slide_header(), empty_folder(root, "out"));

    REQUIRE(written.files.size() == 3);
    CHECK(written.encoded_anew == 0);
    for (std::size_t level = 0; level < written.files.size(); ++level) {
        CAPTURE(level);
        CHECK(difference_from_openslide(slide, written, level) == 0);
        CHECK(complaints(written.files[level]).empty());
        CHECK(value_of(written.files[level], "PhotometricInterpretation")
              == (coding == SvsCoding::jpeg_rgb ? "RGB" : "YBR_FULL_422"));
        CHECK(value_of(written.files[level], "InstanceNumber") == std::to_string(level + 1));
    }
}

TEST_CASE("tiles of JPEG 2000 pass through, named as they are coded")
{
    struct Expected {
        SvsCoding coding;
        std::string photometric;
        std::string lossy;
        int difference; // from OpenSlide's reading, which does another integer YCbCr
    };
    const auto expected = GENERATE(Expected{SvsCoding::jpeg2000_rgb, "YBR_ICT", "01", 0},
                                   Expected{SvsCoding::jpeg2000_rgb_reversible, "YBR_RCT", "00", 0},
                                   Expected{SvsCoding::jpeg2000_ycc, "YBR_ICT", "01", 4});
    const TempDir root;
    static_cast<void>(make_svs(root / "a.svs", {.coding = expected.coding, .levels = 2}));
    const auto slide = Slide::open(root / "a.svs");

    const auto written = write_dicom_slide(slide, sample_slide_header(), empty_folder(root, "out"));

    CAPTURE(expected.photometric);
    REQUIRE(written.files.size() == 2);
    CHECK(written.encoded_anew == 0);
    CHECK(value_of(written.files[0], "PhotometricInterpretation") == expected.photometric);
    CHECK(value_of(written.files[0], "LossyImageCompression") == expected.lossy);
    CHECK(difference_from_openslide(slide, written, 0) <= expected.difference);
    CHECK(difference_from_openslide(slide, written, 1) <= expected.difference);
    CHECK(complaints(written.files[0]).empty());
}

TEST_CASE("what DICOM has no name for is decoded and encoded anew")
{
    const TempDir root;
    static_cast<void>(
        make_svs(root / "a.svs", {.coding = SvsCoding::jpeg2000_ycc_reversible, .levels = 2}));
    const auto slide = Slide::open(root / "a.svs");

    const auto written = write_dicom_slide(slide, sample_slide_header(), empty_folder(root, "out"));

    REQUIRE(written.files.size() == 2);
    CHECK(written.passed_through == 0);
    CHECK(written.encoded_anew == written.frames);
    const auto level = slide.levels()[0];
    const auto ours = picture_of(written.files[0], level);
    const auto truth = openslide_picture(slide.path(), pixels(level.width), pixels(level.height));
    double sum = 0.0;
    for (std::size_t i = 0; i < truth.rgb.size(); ++i) {
        const auto one = static_cast<unsigned char>(truth.rgb[i]);
        const auto other = static_cast<unsigned char>(ours.rgb.at(i));
        sum += std::abs(int{one} - int{other});
    }
    CHECK(sum / static_cast<double>(truth.rgb.size()) < 6.0); // the noise JPEG leaves at quality 90
    CHECK(complaints(written.files[0]).empty());
}

TEST_CASE("a JPEG tile that is missing is white")
{
    const TempDir root;
    static_cast<void>(make_svs(root / "a.svs", {.levels = 1, .missing = {0, 3}}));
    const auto slide = Slide::open(root / "a.svs");

    const auto written = write_dicom_slide(slide, sample_slide_header(), empty_folder(root, "out"));

    CHECK(written.encoded_anew == 2);
    const auto frames = frames_of(written.files.at(0));
    CHECK(decode_jpeg(frames.at(0)).rgb == std::string(std::size_t{256} * 256 * 3, '\xff'));
    CHECK(frames.at(0) == frames.at(3));
    CHECK(frames.at(1) != frames.at(0));
}

TEST_CASE("Hamamatsu's levels are cut at their restart markers, no pixel changed")
{
    slide_maker::NdpiPlan plan{.width = 1536,
                               .height = 1104, // OpenSlide 3.4.1 spoils a last row of half MCUs
                               .interval_width = 384,
                               .chroma = slide_maker::ChromaSampling::full,
                               .levels = 3};
    const TempDir root;
    static_cast<void>(make_ndpi(root / "true.ndpi", plan));
    plan.mcu_starts = GENERATE(slide_maker::McuStarts::right, slide_maker::McuStarts::absent,
                               slide_maker::McuStarts::wrong);
    plan.has_true_size =
        GENERATE(true, false); // zeros: OpenSlide refuses what is too large for JPEG
    static_cast<void>(make_ndpi(root / "a.ndpi", plan));
    const auto slide = Slide::open(root / "a.ndpi");

    const auto written = write_dicom_slide(slide, sample_slide_header(), empty_folder(root, "out"));

    REQUIRE(written.files.size() == 3);
    CHECK(written.encoded_anew == 0); // the smallest level, without restart markers, is one frame
    for (std::size_t number = 0; number < 3; ++number) {
        const auto level = slide.levels()[number];
        CHECK(picture_of(written.files[number], level)
              == openslide_picture(root / "true.ndpi", pixels(level.width), pixels(level.height)));
        CHECK(complaints(written.files[number]).empty());
    }
}

TEST_CASE("a level that ends inside a row of MCUs has the pixels of its one JPEG")
{
    const auto chroma =
        GENERATE(slide_maker::ChromaSampling::full, slide_maker::ChromaSampling::half_both);
    const TempDir root;
    static_cast<void>(make_ndpi(
        root / "a.ndpi",
        {.width = 512, .height = 301, .interval_width = 256, .chroma = chroma, .levels = 2}));
    const auto slide = Slide::open(root / "a.ndpi");

    const auto written = write_dicom_slide(slide, sample_slide_header(), empty_folder(root, "out"));

    const auto bytes = read_file(root / "a.ndpi");
    const auto whole = decode_jpeg(bytes.substr(bytes.find("\xff\xd8")));
    REQUIRE(whole.height == 301);
    CHECK(picture_of(written.files.at(0), slide.levels()[0]) == whole);
}

TEST_CASE("with fewer samples of colour only the seams of OpenSlide's own tiles differ")
{
    const TempDir root;
    static_cast<void>(make_ndpi(
        root / "a.ndpi", {.width = 1024, .height = 512, .interval_width = 256, .levels = 2}));
    const auto slide = Slide::open(root / "a.ndpi");

    const auto written = write_dicom_slide(slide, sample_slide_header(), empty_folder(root, "out"));

    const auto ours = picture_of(written.files.at(0), slide.levels()[0]);
    const auto theirs = openslide_picture(slide.path(), 1024, 512);
    REQUIRE(ours.rgb.size() == theirs.rgb.size());
    std::size_t inside = 0;
    for (std::size_t i = 0; i < ours.rgb.size(); ++i) {
        const auto column = i / 3 % 256; // OpenSlide smooths colour within each interval alone
        inside += ours.rgb[i] != theirs.rgb[i] && column > 1 && column < 254 ? 1U : 0U;
    }
    CHECK(inside == 0);
}

TEST_CASE("offsets beyond 4 GiB are followed")
{
    const TempDir root;
    constexpr std::uint64_t five_gib = std::uint64_t{5} << 30U;
    static_cast<void>(
        make_svs(root / "a.svs", {.layout = slide_maker::Layout::big, .hole = five_gib}));
    static_cast<void>(
        make_ndpi(root / "a.ndpi", {.width = 1024, .height = 512, .levels = 2, .hole = five_gib}));

    const auto svs = write_dicom_slide(Slide::open(root / "a.svs"), sample_slide_header(),
                                       empty_folder(root, "svs"));
    const auto ndpi = write_dicom_slide(Slide::open(root / "a.ndpi"), sample_slide_header(),
                                        empty_folder(root, "ndpi"));

    CHECK(svs.encoded_anew == 0);
    CHECK(ndpi.encoded_anew == 0);
    CHECK(decode_jpeg(frames_of(svs.files.at(1)).at(0)).width == 256);
    CHECK(decode_jpeg(frames_of(ndpi.files.at(0)).at(0)).width == 512);
}

TEST_CASE("the same slide twice gives the same bytes, encoded anew or not")
{
    const TempDir root;
    const bool passes = GENERATE(true, false);
    if (passes) {
        static_cast<void>(make_ndpi(root / "a", {.width = 1024, .height = 512, .levels = 3}));
    } else {
        static_cast<void>(make_svs(root / "a", {.coding = SvsCoding::jpeg2000_ycc_reversible}));
    }
    const auto slide = Slide::open(root / "a");

    const auto first = write_dicom_slide(slide, sample_slide_header(), empty_folder(root, "1"));
    const auto second = write_dicom_slide(slide, sample_slide_header(), empty_folder(root, "2"));

    REQUIRE(first.files.size() == 3);
    REQUIRE(second.files.size() == 3);
    CHECK((first.encoded_anew == 0) == passes);
    for (std::size_t i = 0; i < first.files.size(); ++i) {
        CHECK(read_file(first.files[i]) == read_file(second.files[i]));
    }
}

TEST_CASE("nothing of what identifies in the slide is in its objects")
{
    const TempDir root;
    const auto secrets = make_svs(root / "a.svs", {});
    const auto more = make_ndpi(root / "a.ndpi", {.width = 1024, .height = 512, .levels = 3});

    auto files = write_dicom_slide(Slide::open(root / "a.svs"), sample_slide_header(),
                                   empty_folder(root, "svs"))
                     .files;
    const auto others = write_dicom_slide(Slide::open(root / "a.ndpi"), sample_slide_header(),
                                          empty_folder(root, "ndpi"))
                            .files;
    files.insert(files.end(), others.begin(), others.end());

    for (const auto& file : files) {
        const auto bytes = read_file(file);
        for (const auto& list : {secrets, more}) {
            for (const auto& secret : list) {
                CAPTURE(secret, file.filename());
                CHECK(bytes.find(secret) == std::string::npos);
            }
        }
    }
}

TEST_CASE("a slide that breaks in a later level leaves nothing behind")
{
    const TempDir root;
    static_cast<void>(make_svs(root / "a.svs", {}));
    const auto whole = Slide::open(root / "a.svs");
    const auto& tiff = whole.tiff();
    const auto last = whole.levels().back().directory;
    const auto place = tiff.numbers(tiff.directories().at(last), 324, 1000).at(0);
    auto bytes = read_file(root / "a.svs");
    bytes.replace(place, 4, "\x01\x02\x03\x04"); // no JPEG begins like that
    write_all(UniqueFd{::open((root / "b.svs").c_str(), O_WRONLY | O_CREAT, 0600)}.get(), bytes,
              "a slide");
    const auto out = empty_folder(root, "out");

    try {
        static_cast<void>(
            write_dicom_slide(Slide::open(root / "b.svs"), sample_slide_header(), out));
        FAIL("a broken slide was converted");
    } catch (const Error& error) {
        CHECK(error.fault() == Fault::data);
    }
    CHECK(fs::is_empty(out));
}

TEST_CASE("a slide that does not say how large its pixels are is refused")
{
    const auto file = shared_data("wsi/OrthancLogoJpeg.tiff");
    if (!file) {
        return;
    }
    const TempDir folder;
    const auto slide = Slide::open(*file);
    if (slide.facts().mpp_x) {
        return; // it says
    }

    CHECK_THROWS_AS(write_dicom_slide(slide, sample_slide_header(), folder.path), Error);
    CHECK(fs::is_empty(folder.path));
}
