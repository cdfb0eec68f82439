// SPDX-License-Identifier: MIT
#include "libfiona/dicom/library.h"
#include "libfiona/pixel/clean.h"
#include "libfiona/pixel/image_file.h"
#include "tests/support/doubtful_picture.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/pixel/pictures.h"

#include <catch2/catch.hpp>

#include <algorithm>

// What is looked at again after hiding, and what is held because nobody can be sure.

using namespace fiona;
using namespace fiona::pixel;
namespace fs = std::filesystem;

namespace {

constexpr unsigned rows = 160;
constexpr unsigned columns = 320;

CleanOptions detecting()
{
    CleanOptions options;
    options.search = Search::detect;
    return options;
}

/// 16-bit pictures in which each line of text is far darker than the one before.
struct Layers {
    std::vector<std::uint8_t> bytes = std::vector<std::uint8_t>(2 * std::size_t{rows} * columns);
    std::vector<Box> lines;

    explicit Layers(const std::vector<std::uint16_t>& levels)
    {
        for (const auto level : levels) {
            auto canvas = phantom::plain_canvas(rows, columns, 1, 0);
            const auto top = 10 + 40 * static_cast<unsigned>(lines.size());
            lines.push_back(
                pictures::box_of(phantom::draw_text(canvas, 20, top, 2, "DOE JANE 4711")));
            for (std::size_t i = 0; i < canvas.bytes.size(); ++i) {
                if (canvas.bytes[i] != 0) {
                    bytes[2 * i] = static_cast<std::uint8_t>(level);
                    bytes[2 * i + 1] = static_cast<std::uint8_t>(level >> 8U);
                }
            }
        }
    }

    [[nodiscard]] fs::path save(const fs::path& file) const
    {
        const dicom::Library library;
        return pictures::save(
            file, {.rows = rows, .columns = columns, .bits_allocated = 16, .bits_stored = 16},
            bytes);
    }
};

/// Samples of a box that are not 0.
std::size_t ink_in(const fs::path& file, const Box& box)
{
    const Codecs codecs;
    const ImageFile image{file, file};
    const auto frame = image.frames().frame(0);
    const auto width = frame.layout.bytes_per_sample();
    std::size_t ink = 0;
    for (auto y = box.y0; y < box.y1; ++y) {
        for (auto x = box.x0 * width; x < box.x1 * width; ++x) {
            ink += frame.samples[std::size_t{y} * frame.layout.columns * width + x] != 0 ? 1U : 0U;
        }
    }
    return ink;
}

} // namespace

TEST_CASE("writing that only hiding brings to light is hidden too")
{
    const TempDir root;
    const Layers layers{{60'000, 200}}; // the second is black beside the first
    const auto input = layers.save(root / "in.dcm");

    const auto report = clean_pixels(input, root / "out.dcm", detecting());

    CAPTURE(report.reason);
    REQUIRE(report.verdict == Verdict::masked);
    CHECK(ink_in(input, layers.lines[1]) > 0);
    CHECK(ink_in(root / "out.dcm", layers.lines[0]) == 0);
    CHECK(ink_in(root / "out.dcm", layers.lines[1]) == 0);
}

TEST_CASE("a picture that still shows writing after all was hidden twice is held")
{
    const TempDir root;
    const Layers layers{{60'000, 900, 12}};

    const auto report = clean_pixels(layers.save(root / "in.dcm"), root / "out.dcm", detecting());

    CHECK(report.verdict == Verdict::held);
    CHECK_THAT(report.reason, Catch::Contains("frame 1") && Catch::Contains("hidden twice"));
    CHECK_FALSE(fs::exists(root / "out.dcm"));
}

TEST_CASE("a doubtful picture is held, with its frame and share, and not written")
{
    const TempDir root;
    const auto doubtful = doubtful_picture();
    const auto plain = phantom::plain_canvas(doubtful.rows, doubtful.columns, 1, 90);
    auto pixels = plain.bytes;
    pixels.insert(pixels.end(), doubtful.bytes.begin(), doubtful.bytes.end());
    const dicom::Library library;
    const auto input = pictures::save(root / "in.dcm",
                                      {.rows = static_cast<std::uint16_t>(doubtful.rows),
                                       .columns = static_cast<std::uint16_t>(doubtful.columns),
                                       .frames = 2},
                                      pixels);
    auto options = detecting();
    options.preview = root / "sheets";
    fs::create_directory(root / "sheets");

    const auto report = clean_pixels(input, root / "out.dcm", options);

    CHECK(report.verdict == Verdict::held);
    CHECK_THAT(report.reason,
               Catch::StartsWith("frame 2: ") && Catch::Contains("a person must look"));
    CHECK_FALSE(fs::exists(root / "out.dcm"));
    CHECK(fs::exists(root / "sheets" / "out.png")); // for whom has to look
}

TEST_CASE("writing that runs up or down is hidden in the file")
{
    const TempDir root;
    const auto written = pictures::written();
    const auto& canvas = written.canvas;
    std::vector<std::uint8_t> turned(canvas.bytes.size()); // a quarter to the right
    for (unsigned y = 0; y < canvas.rows; ++y) {
        for (unsigned x = 0; x < canvas.columns; ++x) {
            turned[std::size_t{x} * canvas.rows + canvas.rows - 1 - y] =
                canvas.bytes[std::size_t{y} * canvas.columns + x];
        }
    }
    const dicom::Library library;
    const auto input = pictures::save(root / "in.dcm",
                                      {.rows = static_cast<std::uint16_t>(canvas.columns),
                                       .columns = static_cast<std::uint16_t>(canvas.rows)},
                                      turned);

    const auto report = clean_pixels(input, root / "out.dcm", detecting());

    REQUIRE(report.verdict == Verdict::masked);
    CHECK(ink_in(root / "out.dcm", {canvas.rows - written.text.y1, written.text.x0,
                                    canvas.rows - written.text.y0, written.text.x1})
          == 0);
}

TEST_CASE("a picture no higher than its line of writing is looked at")
{
    const TempDir root;
    auto canvas = phantom::plain_canvas(18, 220, 1, 30);
    phantom::draw_text(canvas, 8, 2, 2, "DOE JANE 4711");
    const dicom::Library library;
    const auto input = pictures::save(root / "in.dcm", {.rows = 18, .columns = 220}, canvas.bytes);

    CHECK(clean_pixels(input, root / "out.dcm", detecting()).verdict == Verdict::masked);
}
