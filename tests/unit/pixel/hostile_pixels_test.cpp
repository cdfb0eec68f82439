// SPDX-License-Identifier: MIT
// Pixel streams that no device should make, through the door that strangers' images take: a limited child
// that looks at every frame. Whatever cannot be shown clean is not written.
#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/pixel/clean.h"
#include "libfiona/pixel/detector.h"
#include "libfiona/pixel/image_file.h"
#include "libfiona/store/atomic_file.h"
#include "tests/support/cpu_time.h"
#include "tests/support/hostile_file.h"
#include "tests/support/phantom.h"
#include "tests/support/raw_association.h"
#include "tests/support/temp_dir.h"
#include "tests/support/tile_coder.h"
#include "tests/unit/pixel/detecting.h"
#include "tests/unit/pixel/pictures.h"

#include <catch2/catch.hpp>
#include <dcmtk/dcmjpeg/djencode.h>
#include <dcmtk/dcmjpeg/djrploss.h>
#include <dcmtk/dcmjpls/djrparam.h>

#include <random>
#include <set>

using namespace fiona;
using namespace fiona::pixel;
namespace fs = std::filesystem;

namespace {

/// An image of such a size whose pixels are these bytes, as a stranger says them.
struct Stranger {
    unsigned rows = 16;
    unsigned columns = 16;
    std::string syntax = hostile::jpeg_baseline;
    std::string pixels{}; ///< the whole element
    bool is_colour = false;

    void write(const fs::path& file) const
    {
        const raw::Ids ids;
        hostile::DataSet data{ids};
        data.put_number(0x00280002, "US", is_colour ? 3 : 1);
        data.put(0x00280004, "CS", is_colour ? "RGB" : "MONOCHROME2");
        if (is_colour) {
            data.put_number(0x00280006, "US", 0);
        }
        data.put_number(0x00280010, "US", rows).put_number(0x00280011, "US", columns);
        data.put_number(0x00280100, "US", 8).put_number(0x00280101, "US", 8);
        data.put_number(0x00280102, "US", 7).put_number(0x00280103, "US", 0);
        data.put_bytes(0x7fe00010, pixels);
        hostile::Meta meta{ids};
        meta.transfer_syntax = syntax;
        store::write_file(file, hostile::file(meta.bytes(), data.bytes()));
    }
};

/// A JPEG of one 16 by 16 frame, `more` before its frame header, and a scan of nonsense.
std::string jpeg(const std::string& more)
{
    const std::string frame{"\xff\xc0\x00\x0b\x08\x00\x10\x00\x10\x01\x01\x11\x00", 13};
    const std::string scan{"\xff\xda\x00\x08\x01\x01\x00\x00\x3f\x00", 10};
    return "\xff\xd8" + more + frame + scan + std::string(500, '\x55') + "\xff\xd9";
}

/// Fifteen RLE segments that all start behind the header: 4.6 kB for 4.3 GB.
std::string rle_bomb()
{
    auto bytes = raw::little(15, 4);
    for (unsigned i = 0; i < 15; ++i) {
        bytes += raw::little(64, 4);
    }
    while (bytes.size() < 4600) {
        bytes += "\x81z"; // 128 times z
    }
    return bytes;
}

/// Writing on a ground of some noise, so that its code stream has many kilobytes.
std::string jpeg_2000_stream(const phantom::Canvas& canvas, slide_maker::Wavelet wavelet)
{
    std::mt19937 random{4711}; // NOLINT(cert-msc32-c,cert-msc51-cpp) the same picture in every run
    slide_maker::Picture picture{canvas.columns, canvas.rows, {}};
    for (const auto byte : canvas.bytes) {
        for (int component = 0; component < 3; ++component) {
            picture.rgb += static_cast<char>(std::min<unsigned>(255, byte + random() % 4));
        }
    }
    return slide_maker::jpeg_2000(picture, wavelet, slide_maker::ComponentTransform::inside);
}

/// Writing on a ground of some noise, compressed by DCMTK.
fs::path compressed_file(const fs::path& file, E_TransferSyntax syntax)
{
    const Codecs codecs;
    auto canvas = pictures::written(200, 512).canvas;
    std::mt19937 random{4711}; // NOLINT(cert-msc32-c,cert-msc51-cpp) the same picture in every run
    for (auto& byte : canvas.bytes) {
        byte = static_cast<std::uint8_t>(std::min<unsigned>(255, byte + random() % 16));
    }
    DcmFileFormat format;
    auto& data = *format.getDataset();
    pictures::describe(data, {.rows = 200, .columns = 512});
    data.putAndInsertUint8Array(DCM_PixelData, canvas.bytes.data(), canvas.bytes.size());
    const DJ_RPLossy jpeg{90};
    const DJLSRepresentationParameter jpeg_ls{2, OFFalse};
    const DcmRepresentationParameter* parameter = nullptr;
    if (syntax == EXS_JPEGProcess1 || syntax == EXS_JPEGProcess2_4) {
        parameter = &jpeg;
    } else if (syntax == EXS_JPEGLSLossy) {
        parameter = &jpeg_ls;
    }
    REQUIRE(data.chooseRepresentation(syntax, parameter).good());
    REQUIRE(format.saveFile(file.c_str(), syntax).good());
    return file;
}

/// What a printed QR code looks like: three finders, and modules that nobody can foretell.
phantom::Canvas qr_code(unsigned module)
{
    constexpr unsigned modules = 29; // version 3
    auto canvas = phantom::plain_canvas(320, 480, 1, 40);
    std::mt19937 random{4711}; // NOLINT(cert-msc32-c,cert-msc51-cpp) the same code in every run
    const auto is_dark = [&](unsigned x, unsigned y) {
        for (const auto& [left, top] : {std::pair{0U, 0U}, {modules - 7, 0U}, {0U, modules - 7}}) {
            const unsigned dx = x - left;
            const unsigned dy = y - top;
            if (dx < 7 && dy < 7) {
                const bool is_ring = dx == 0 || dx == 6 || dy == 0 || dy == 6;
                const bool is_core = dx >= 2 && dx <= 4 && dy >= 2 && dy <= 4;
                return is_ring || is_core;
            }
        }
        return random() % 2 == 0;
    };
    constexpr unsigned left = 40;
    constexpr unsigned top = 40;
    for (unsigned y = 0; y < modules + 4; ++y) { // with its quiet zone
        for (unsigned x = 0; x < modules + 4; ++x) {
            const bool is_inside = x >= 2 && y >= 2 && x < modules + 2 && y < modules + 2;
            const bool dark = is_inside && is_dark(x - 2, y - 2);
            for (unsigned j = 0; j < module; ++j) {
                for (unsigned i = 0; i < module; ++i) {
                    canvas.bytes[std::size_t{top + y * module + j} * canvas.columns + left
                                 + x * module + i] = dark ? 0 : 255;
                }
            }
        }
    }
    return canvas;
}

} // namespace

TEST_CASE("bombs, markers and streams that lie end as a refusal with a reason, and soon")
{
    const auto fragments = [](const std::vector<std::string>& all) {
        return hostile::fragments("", all);
    };
    const auto& [name, image] = GENERATE_COPY(table<std::string, Stranger>({
        {"an RLE bomb of 4.3 GB", {65535, 65535, hostile::rle, fragments({rle_bomb()})}},
        {"an RLE bomb with a modest size", {16, 16, hostile::rle, fragments({rle_bomb()})}},
        {"a TEM marker", {16, 16, hostile::jpeg_baseline, fragments({jpeg("\xff\x01")})}},
        {"a thousand TEM markers", {16, 16, hostile::jpeg_baseline, fragments({[] {
                                        std::string markers;
                                        for (int i = 0; i < 1000; ++i) {
                                            markers += "\xff\x01";
                                        }
                                        return jpeg(markers);
                                    }()})}},
        {"a JPEG that says another size",
         {4096, 4096, hostile::jpeg_baseline, fragments({jpeg("")})}},
        {"no fragment", {16, 16, hostile::jpeg_lossless, fragments({})}},
        {"JPEG-LS of nothing", {16, 16, hostile::jpeg_ls, fragments({"\xff\xd8\xff\xf7"})}},
        {"JPEG 2000 of nothing",
         {16, 16, hostile::jpeg_2000, fragments({std::string{"\xff\x4f\xff\x51\x00\x2f", 6}})}},
    }));
    CAPTURE(name);
    const TempDir root;
    image.write(root / "in.dcm");
    const CpuTime work;

    const auto report = clean_pixels(root / "in.dcm", root / "out.dcm", detecting());

    CHECK(report.verdict == Verdict::refused);
    CHECK_FALSE(report.reason.empty());
    CHECK_FALSE(fs::exists(root / "out.dcm"));
    CHECK(work.seconds() < 20);
}

TEST_CASE("a compressed image that is cut, at whatever kilobyte, is refused and never half shown")
{
    const auto syntax =
        GENERATE(phantom::TransferSyntax::rle, phantom::TransferSyntax::jpeg_lossless,
                 phantom::TransferSyntax::jpeg_ls_lossless);
    CAPTURE(static_cast<int>(syntax));
    const TempDir root;
    phantom::Study study{phantom::Patient{"DOE^JANE", "PAT-1001", "19700102", "F"}, 1};
    study.add_secondary_capture({.transfer_syntax = syntax});
    const auto files = study.write_to(root / "in");
    REQUIRE(clean_pixels(files[0], root / "whole.dcm", detecting()).verdict == Verdict::masked);
    const auto whole = read_file(files[0]);
    constexpr std::size_t kilobyte = 1024;
    constexpr std::size_t most = 24;
    const auto step = std::max(kilobyte, whole.size() / most / kilobyte * kilobyte);

    for (std::size_t size = kilobyte; size < whole.size(); size += step) {
        CAPTURE(size, whole.size());
        store::write_file(root / "cut.dcm", whole.substr(0, size));
        const auto report = clean_pixels(root / "cut.dcm", root / "out.dcm", detecting());
        CHECK(report.verdict == Verdict::refused);
        CHECK_FALSE(fs::exists(root / "out.dcm"));
    }
}

TEST_CASE("a frame whose stream ends early is refused, wherever it ends")
{
    const auto syntax = GENERATE(EXS_RLELossless, EXS_JPEGProcess14SV1, EXS_JPEGProcess1,
                                 EXS_JPEGProcess2_4, EXS_JPEGLSLossless, EXS_JPEGLSLossy);
    CAPTURE(DcmXfer{syntax}.getXferName());
    const TempDir root;
    const auto file = compressed_file(root / "in.dcm", syntax);
    REQUIRE(clean_pixels(file, root / "whole.dcm", detecting()).verdict == Verdict::masked);
    const auto whole = read_file(file);
    const auto element = whole.rfind(std::string{"\xe0\x7f\x10\x00OB", 6});
    REQUIRE(element != std::string::npos);
    const auto fragment = ImageFile{file, file}.frames().fragments(0).front();
    const std::string stream{fragment.begin(), fragment.end()};
    // At every kilobyte, and just before the end: behind the last samples there is a marker of two bytes,
    // which may be lost, and padding to an even length.
    std::set<std::size_t> sizes{stream.size() - 40, stream.size() - 8, stream.size() - 4};
    const auto step = std::max<std::size_t>(1024, stream.size() / 16 / 2 * 2);
    for (std::size_t size = 0; size + 4 < stream.size(); size += step) {
        sizes.insert(size);
    }

    for (const auto size : sizes) {
        CAPTURE(size, stream.size());
        store::write_file(root / "cut.dcm", whole.substr(0, element)
                                                + hostile::fragments("", {stream.substr(0, size)}));
        const auto report = clean_pixels(root / "cut.dcm", root / "out.dcm", detecting());
        CHECK(report.verdict == Verdict::refused);
        CHECK_FALSE(report.reason.empty());
        CHECK_FALSE(fs::exists(root / "out.dcm"));
    }
}

TEST_CASE(
    "a JPEG 2000 stream that ends early, at whatever kilobyte, is refused and never half shown")
{
    const auto wavelet = GENERATE(slide_maker::Wavelet::reversible, //
                                  slide_maker::Wavelet::irreversible);
    const TempDir root;
    const auto written = pictures::written();
    const auto whole = jpeg_2000_stream(written.canvas, wavelet);
    const auto clean = [&](const std::string& stream) {
        fs::remove(root / "out.dcm");
        Stranger{.rows = written.canvas.rows,
                 .columns = written.canvas.columns,
                 .syntax = hostile::jpeg_2000,
                 .pixels = hostile::fragments("", {stream}),
                 .is_colour = true}
            .write(root / "in.dcm");
        return clean_pixels(root / "in.dcm", root / "out.dcm", detecting());
    };
    const auto right = clean(whole);
    REQUIRE(right.verdict == Verdict::masked);
    REQUIRE(pictures::covered(written.text, right.masks.at(0).boxes) > 0.9);
    constexpr std::size_t kilobyte = 1024;
    REQUIRE(whole.size() > 4 * kilobyte);

    for (std::size_t size = kilobyte; size < whole.size(); size += kilobyte) {
        CAPTURE(size, whole.size());
        const auto report = clean(whole.substr(0, size));
        CHECK(report.verdict == Verdict::refused);
        CHECK_FALSE(report.reason.empty());
        CHECK_FALSE(fs::exists(root / "out.dcm"));
    }
}

TEST_CASE("a code that machines read is hidden like text, small and large")
{
    const auto module = GENERATE(3U, 5U);
    const auto canvas = qr_code(module);
    const Box code{40, 40, 40 + 33 * module, 40 + 33 * module};

    CHECK(pictures::covered(code, find_text(pictures::plane_of(canvas))) > 0.8);
}

TEST_CASE("a code that machines read is hidden in the file, also in one frame of a few")
{
    const auto module = GENERATE(3U, 5U);
    const auto canvas = qr_code(module);
    const Box code{40, 40, 40 + 33 * module, 40 + 33 * module};
    const auto plain = phantom::plain_canvas(canvas.rows, canvas.columns, 1, 40);
    std::vector<std::uint8_t> pixels;
    for (const auto* const frame : {&plain, &canvas, &plain}) {
        pixels.insert(pixels.end(), frame->bytes.begin(), frame->bytes.end());
    }
    const TempDir root;
    const pictures::Image layout{.rows = static_cast<std::uint16_t>(canvas.rows),
                                 .columns = static_cast<std::uint16_t>(canvas.columns),
                                 .frames = 3};
    pictures::save(root / "in.dcm", layout, pixels);

    const auto report = clean_pixels(root / "in.dcm", root / "out.dcm", detecting());

    CAPTURE(report.reason);
    REQUIRE(report.verdict == Verdict::masked);
    const Codecs codecs;
    const ImageFile image{root / "out.dcm", root / "in.dcm"};
    const auto shown = image.frames().frame(1);
    std::size_t dark = 0;
    for (auto y = code.y0; y < code.y1; ++y) {
        for (auto x = code.x0; x < code.x1; ++x) {
            dark += shown.samples[std::size_t{y} * canvas.columns + x] == 0 ? 1U : 0U;
        }
    }
    // Half of it was dark before. Four of five bright modules lost are more than any error correction brings
    // back (level H: 30 % of the code words).
    CHECK(static_cast<double>(dark) / static_cast<double>(code.area()) > 0.9);
}
