// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/pixel/clean.h"
#include "libfiona/pixel/image_file.h"
#include "libfiona/store/atomic_file.h"
#include "tests/support/code_streams.h"
#include "tests/support/phantom.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/pixel/detecting.h"
#include "tests/unit/pixel/pictures.h"

#include <catch2/catch.hpp>
#include <dcmtk/dcmjpeg/djencode.h>
#include <dcmtk/dcmjpeg/djrploss.h>

#include <random>

using namespace fiona;
using namespace fiona::pixel;
namespace fs = std::filesystem;

namespace {

/// All frames as they decode, one after another.
std::vector<Frame> frames_of(const fs::path& file)
{
    const Codecs codecs;
    const ImageFile image{file, file};
    std::vector<Frame> frames;
    for (std::uint32_t i = 0; i < image.description().frames; ++i) {
        frames.push_back(image.frames().frame(i));
    }
    return frames;
}

/// Writes pictures of one layout as a file, native or compressed by DCMTK.
fs::path write(const fs::path& file, const pictures::Image& image,
               const std::vector<std::uint8_t>& pixels,
               E_TransferSyntax syntax = EXS_LittleEndianExplicit)
{
    const Codecs codecs;
    DcmFileFormat format;
    auto& data = *format.getDataset();
    pictures::describe(data, image);
    data.putAndInsertUint8Array(DCM_PixelData, pixels.data(), pixels.size());
    const DJ_RPLossy lossy{90};
    REQUIRE(
        data.chooseRepresentation(syntax, syntax == EXS_JPEGProcess1 ? &lossy : nullptr).good());
    REQUIRE(format.saveFile(file.c_str(), syntax).good());
    return file;
}

std::string text_of(const fs::path& file, const DcmTagKey& tag)
{
    DcmFileFormat format;
    REQUIRE(format.loadFile(file.c_str()).good());
    OFString text;
    format.getDataset()->findAndGetOFStringArray(tag, text);
    return {text.data(), text.size()};
}

/// Every pixel outside of the boxes is what it was; inside none of the text is left.
void check_only_boxes_changed(const fs::path& before, const fs::path& after,
                              const CleanReport& report)
{
    const auto old_frames = frames_of(before);
    const auto new_frames = frames_of(after);
    REQUIRE(old_frames.size() == new_frames.size());
    for (std::uint32_t i = 0; i < old_frames.size(); ++i) {
        const auto& layout = new_frames[i].layout;
        REQUIRE(old_frames[i].samples.size() == new_frames[i].samples.size());
        std::vector<bool> hidden(layout.pixels());
        for (const auto& run : report.masks) {
            for (const auto& masked : run.boxes) {
                for (auto y = masked.box.y0;
                     y < masked.box.y1 && i + 1 >= run.first && i < run.last; ++y) {
                    for (auto x = masked.box.x0; x < masked.box.x1; ++x) {
                        hidden[std::size_t{y} * layout.columns + x] = true;
                    }
                }
            }
        }
        const auto bytes = layout.frame_bytes() / layout.pixels();
        std::size_t changed_outside = 0;
        std::size_t left_inside = 0;
        for (std::size_t at = 0; at < old_frames[i].samples.size(); ++at) {
            const bool is_hidden = hidden[at / bytes];
            changed_outside +=
                !is_hidden && old_frames[i].samples[at] != new_frames[i].samples[at] ? 1U : 0U;
            left_inside += is_hidden && new_frames[i].samples[at] != 0 ? 1U : 0U;
        }
        CHECK(changed_outside == 0);
        CHECK(left_inside == 0);
    }
}

} // namespace

TEST_CASE("text is hidden in every transfer syntax and nothing else is changed")
{
    const auto syntax =
        GENERATE(phantom::TransferSyntax::explicit_little_endian,
                 phantom::TransferSyntax::implicit_little_endian,
                 phantom::TransferSyntax::explicit_big_endian, phantom::TransferSyntax::deflated,
                 phantom::TransferSyntax::rle, phantom::TransferSyntax::jpeg_lossless,
                 phantom::TransferSyntax::jpeg_ls_lossless);
    CAPTURE(static_cast<int>(syntax));
    const TempDir root;
    phantom::Study study{phantom::Patient{"DOE^JANE", "PAT-1001", "19700102", "F"}, 1};
    study.add_secondary_capture({.transfer_syntax = syntax});
    if (syntax != phantom::TransferSyntax::jpeg_ls_lossless) { // which phantoms have in grey only
        study.add_us_with_text({.frames = 2, .transfer_syntax = syntax});
    }
    const auto files = study.write_to(root / "in");

    for (std::size_t i = 0; i < files.size(); ++i) {
        CAPTURE(i);
        const auto output = root.path / (std::to_string(i) + ".dcm");
        const auto report = clean_pixels(files[i], output, detecting());

        INFO(report.reason);
        REQUIRE(report.verdict == Verdict::masked);
        check_only_boxes_changed(files[i], output, report);
        if (syntax != phantom::TransferSyntax::deflated) {
            CHECK(report.to_syntax == report.from_syntax);
        }
        for (const auto& text : study.burned_in()) {
            if (text.object == i) {
                const Box box{text.x, text.y, text.x + text.width, text.y + text.height};
                for (const auto& run : report.masks) {
                    CHECK(pictures::covered(box, run.boxes) > 0.9);
                }
            }
        }
    }
}

TEST_CASE("a lossy image is written without further loss and says what it went through")
{
    const TempDir root;
    const auto written = pictures::written();
    const auto input = write(root / "in.dcm", {}, written.canvas.bytes, EXS_JPEGProcess1);

    const auto report = clean_pixels(input, root / "out.dcm", detecting());

    REQUIRE(report.verdict == Verdict::masked);
    CHECK(report.to_syntax == UID_JPEGProcess14SV1TransferSyntax);
    check_only_boxes_changed(input, root / "out.dcm", report);
    CHECK(text_of(root / "out.dcm", DCM_LossyImageCompression) == "01");
    CHECK(text_of(root / "out.dcm", DCM_LossyImageCompressionMethod) == "ISO_10918_1");
    // The ratio of the loss, not that of the file as it is now.
    CHECK(text_of(root / "out.dcm", DCM_LossyImageCompressionRatio)
          == text_of(input, DCM_LossyImageCompressionRatio));
}

TEST_CASE(
    "an image without text keeps its pixel data byte for byte, and its header says it was checked")
{
    const TempDir root;
    const auto plain = phantom::plain_canvas(96, 256, 1, 30);
    const auto input = write(root / "in.dcm", {}, plain.bytes, EXS_JPEGProcess1);

    const auto report = clean_pixels(input, root / "out.dcm", detecting());

    REQUIRE(report.verdict == Verdict::unchanged);
    CHECK(report.to_syntax == report.from_syntax);
    CHECK(report.masks.empty());
    const ImageFile before{input, input};
    const ImageFile after{root / "out.dcm", input};
    CHECK(before.frames().fragments(0) == after.frames().fragments(0));
    CHECK(text_of(root / "out.dcm", DCM_BurnedInAnnotation) == "NO");
    CHECK(text_of(root / "out.dcm", DCM_ImageType) == text_of(input, DCM_ImageType));
    CHECK(read_file(root / "out.dcm").find("113101") != std::string::npos);
}

TEST_CASE("comments in a frame that is kept are emptied, and the picture stays the same")
{
    const TempDir root;
    const auto plain = phantom::plain_canvas(96, 256, 1, 30);
    const auto input = write(root / "in.dcm", {}, plain.bytes, EXS_JPEGProcess1);
    auto bytes = read_file(input);
    const auto frame = bytes.find("\xff\xd8\xff");
    REQUIRE(frame != std::string::npos);
    const auto comment = streams::segment(0xfe, streams::name + "!");
    bytes.insert(frame + 2, comment);
    for (std::size_t i = 0, carry = comment.size(); i < 4; ++i, carry >>= 8U) { // of the item
        carry += static_cast<unsigned char>(bytes[frame - 4 + i]);
        bytes[frame - 4 + i] = static_cast<char>(carry);
    }
    store::write_file(root / "commented.dcm", bytes);

    const auto report = clean_pixels(root / "commented.dcm", root / "out.dcm", detecting());

    INFO(report.reason);
    REQUIRE(report.verdict == Verdict::unchanged);
    CHECK(read_file(root / "out.dcm").find("Nordmann") == std::string::npos);
    CHECK(frames_of(root / "out.dcm").front().samples == frames_of(input).front().samples);
}

TEST_CASE("a masked image is derived and says how it was cleaned")
{
    const TempDir root;
    const auto input = write(root / "in.dcm", {}, pictures::written().canvas.bytes);

    REQUIRE(clean_pixels(input, root / "out.dcm", detecting()).verdict == Verdict::masked);

    CHECK(text_of(root / "out.dcm", DCM_BurnedInAnnotation) == "NO");
    CHECK(text_of(root / "out.dcm", DCM_ImageType) == "DERIVED\\PRIMARY");
    CHECK(read_file(root / "out.dcm").find("113101") != std::string::npos);
    CHECK(read_file(root / "out.dcm").substr(0, 128) == std::string(128, '\0'));
}

TEST_CASE("text in one frame of many is hidden there and nowhere else")
{
    const TempDir root;
    const auto plain = phantom::plain_canvas(96, 256, 1, 30);
    const auto written = pictures::written();
    std::vector<std::uint8_t> pixels;
    for (int i = 0; i < 300; ++i) {
        const auto& frame = i == 211 ? written.canvas : plain;
        pixels.insert(pixels.end(), frame.bytes.begin(), frame.bytes.end());
    }
    const auto input = write(root / "in.dcm", {.frames = 300}, pixels);

    const auto report = clean_pixels(input, root / "out.dcm", detecting());

    REQUIRE(report.verdict == Verdict::masked);
    check_only_boxes_changed(input, root / "out.dcm", report);
    REQUIRE(report.masks.size() == 1);
    CHECK(report.masks[0].first == 212);
    CHECK(report.masks[0].last == 212);
    CHECK(pictures::covered(written.text, report.masks[0].boxes) > 0.9);
}

TEST_CASE(
    "a dim name that stands still over what moves is hidden in all frames, and nothing else is")
{
    // No frame shows it to the eye: it is what stays when all of them are put over each other.
    struct Ground {
        const char* name;
        int from, to;   ///< of the noise; `from` equal to `to` is the level of the name
        int share;      ///< of spots, in percent
        int spots_from; ///< their levels, sixty of them
    };
    const auto ground = GENERATE(Ground{"noise above and below", 0, 200, 0, 0},
                                 Ground{"darker spots", 120, 120, 30, 0},
                                 Ground{"brighter spots", 120, 120, 25, 195});
    CAPTURE(ground.name);
    constexpr std::uint8_t level = 120;
    constexpr int frames = 30;
    const auto written = pictures::written(160, 400, 0);
    std::mt19937 random{4711}; // NOLINT(cert-msc32-c,cert-msc51-cpp) the same film in every run
    const auto below = [&](int limit) {
        return static_cast<int>(random() % static_cast<unsigned>(limit));
    };
    std::vector<std::uint8_t> pixels;
    for (int frame = 0; frame < frames; ++frame) {
        for (const auto ink : written.canvas.bytes) {
            const int value = below(100) < ground.share
                                  ? ground.spots_from + below(60)
                                  : ground.from + below(ground.to - ground.from + 1);
            pixels.push_back(ink != 0 ? level : static_cast<std::uint8_t>(value));
        }
    }
    const TempDir root;
    const auto input =
        write(root / "in.dcm", {.rows = 160, .columns = 400, .frames = frames}, pixels);

    const auto report = clean_pixels(input, root / "out.dcm", detecting());

    CAPTURE(report.reason);
    REQUIRE(report.verdict == Verdict::masked);
    check_only_boxes_changed(input, root / "out.dcm", report);
    std::uint32_t next = 1;
    for (const auto& run : report.masks) {
        CHECK(run.first == next);
        CHECK(pictures::covered(written.text, run.boxes) > 0.9);
        next = run.last + 1;
    }
    CHECK(next == frames + 1);
    CHECK(report.masked_share < 0.2);
}

TEST_CASE("what cannot be looked at is refused with a reason and not written")
{
    const TempDir root;
    const auto written = pictures::written();
    const auto input = write(root / "in.dcm", {}, written.canvas.bytes, EXS_JPEGProcess1);
    const auto whole = read_file(input);
    SECTION("no DICOM")
    {
        store::write_file(input, "hello");
    }
    SECTION("cut off, wherever")
    {
        const auto length = GENERATE_COPY(200U, 900U, static_cast<unsigned>(whole.size() - 20));
        store::write_file(input, whole.substr(0, length));
    }
    SECTION("broken stream")
    {
        auto broken = whole;
        const auto start = broken.find("\xff\xd8\xff");
        REQUIRE(start != std::string::npos);
        broken.replace(start, 24, std::string(24, 'x'));
        store::write_file(input, broken);
    }
    SECTION("fewer samples than rows say")
    {
        write(input, {.rows = 97}, written.canvas.bytes);
    }
    SECTION("more samples than rows say: who knows what they show")
    {
        write(input, {.rows = 90}, written.canvas.bytes);
    }
    SECTION("no pixels")
    {
        DcmFileFormat format;
        pictures::describe(*format.getDataset(), {});
        REQUIRE(format.saveFile(input.c_str(), EXS_LittleEndianExplicit).good());
    }

    const auto report = clean_pixels(input, root / "out.dcm", detecting());

    CHECK(report.verdict == Verdict::refused);
    CHECK_FALSE(report.reason.empty());
    CHECK_FALSE(fs::exists(root / "out.dcm"));
}

TEST_CASE("without a language to read in nothing is written")
{
    const TempDir root;
    auto options = detecting();
    options.search = Search::both;
    options.languages = "xyz";

    const auto input = write(root / "in.dcm", {}, pictures::written().canvas.bytes);

    CHECK_THROWS_AS(clean_pixels(input, root / "out.dcm", options), Error); // nobody can read
    CHECK_FALSE(fs::exists(root / "out.dcm"));
}

TEST_CASE("regions of a device are hidden whatever is found, or vouch for its pictures")
{
    const TempDir root;
    auto options = detecting();
    SECTION("boxes")
    {
        options.regions = {{{{"Modality", "us"}}, {{0, 0, 9, 9}}, false},
                           {{{"PatientName", "quix"}}, {{5, 6, 30, 16}}, false}};
        const auto plain = phantom::plain_canvas(96, 256, 1, 30);
        const auto input = write(root / "in.dcm", {}, plain.bytes);

        const auto report = clean_pixels(input, root / "out.dcm", options);

        REQUIRE(report.masks.size() == 1);
        REQUIRE(report.masks[0].boxes.size() == 1);
        CHECK(report.masks[0].boxes[0].box == Box{5, 6, 30, 16});
    }
    SECTION("clean")
    {
        options.regions = {{{{"ImageType", "original"}}, {}, true}};
        const auto input = write(root / "in.dcm", {}, pictures::written().canvas.bytes);

        CHECK(clean_pixels(input, root / "out.dcm", options).verdict == Verdict::unchanged);
    }
}

TEST_CASE("a rule for one image says nothing of those whose numbers only begin or end alike")
{
    const Codecs codecs;
    DcmFileFormat format;
    auto& data = *format.getDataset();
    data.putAndInsertString(DCM_SOPInstanceUID, "1.2.3.45");
    data.putAndInsertUint16(DCM_Rows, 4800);
    data.putAndInsertString(DCM_Modality, "OPT");
    data.putAndInsertString(DCM_ImageType, "DERIVED\\PRIMARY\\AXIAL");
    data.putAndInsertString(DCM_Manufacturer, "ACME Imaging");
    const auto [keyword, text, is_met] =
        GENERATE(table<const char*, const char*, bool>({{"SOPInstanceUID", "1.2.3.4", false},
                                                        {"SOPInstanceUID", "2.3.45", false},
                                                        {"SOPInstanceUID", "1.2.3.45", true},
                                                        {"Rows", "480", false},
                                                        {"Rows", "4800", true},
                                                        {"Modality", "pt", false},
                                                        {"Modality", "opt", true},
                                                        {"ImageType", "primary\\axial", true},
                                                        {"ImageType", "derived\\axial", false},
                                                        {"ImageType", "ax", false},
                                                        {"Manufacturer", "acme", true},
                                                        {"StationName", "acme", false}}));
    CAPTURE(keyword, text);

    CHECK(known_regions({{{{keyword, text}}, {}, true}}, data).is_clean == is_met);
}

TEST_CASE("a report survives its way through JSON")
{
    CleanReport report;
    report.verdict = Verdict::held;
    report.reason = "why";
    report.frames = 7;
    report.masks = {{2, 5, {{{1, 2, 30, 40}, 77}}}};
    report.masked_share = 0.25;

    const auto again = CleanReport::from_json(report.to_json());

    CHECK(again.to_json() == report.to_json());
    CHECK(again.masks.at(0).boxes.at(0).box == Box{1, 2, 30, 40});
}
