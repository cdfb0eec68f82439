// SPDX-License-Identifier: MIT
#include "libfiona/pixel/judge.h"
#include "tests/unit/pixel/pictures.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <numbers>

using namespace fiona::pixel;

namespace {

struct Stroke {
    double x0, y0, x1, y1; ///< in heights of the letter
};

/// Markers as people know them; the font of the other tests is too coarse to be read letter by letter.
std::vector<Stroke> strokes_of(char letter)
{
    switch (letter) {
    case 'L': return {{0, 0, 0, 1}, {0, 1, .55, 1}};
    case 'A': return {{.35, 0, 0, 1}, {.35, 0, .7, 1}, {.13, .63, .57, .63}};
    default: break;
    }
    std::vector<Stroke> strokes{{0, 0, 0, 1}, {0, 0, .35, 0}, {0, .5, .35, .5}};
    constexpr int pieces = 12; // of the bowl
    constexpr double radius = .25;
    for (int i = 0; i < pieces; ++i) {
        const auto from = std::numbers::pi * (static_cast<double>(i) / pieces - .5);
        const auto to = std::numbers::pi * (static_cast<double>(i + 1) / pieces - .5);
        strokes.push_back({.35 + radius * std::cos(from), radius + radius * std::sin(from),
                           .35 + radius * std::cos(to), radius + radius * std::sin(to)});
    }
    if (letter == 'R') {
        strokes.push_back({.3, .5, .62, 1});
    }
    return strokes;
}

/// L, R, A or P in white, drawn with a pen of a seventh of its height; where it is.
Box draw_marker(phantom::Canvas& canvas, char letter, unsigned x, unsigned y, double height)
{
    const auto pen = .14 * height;
    for (const auto& stroke : strokes_of(letter)) {
        const auto x0 = x + stroke.x0 * height;
        const auto y0 = y + stroke.y0 * height;
        const auto along_x = (stroke.x1 - stroke.x0) * height;
        const auto along_y = (stroke.y1 - stroke.y0) * height;
        std::size_t at = 0;
        for (unsigned row = 0; row < canvas.rows; ++row) {
            for (unsigned column = 0; column < canvas.columns; ++column, ++at) {
                const auto share = std::clamp(((column - x0) * along_x + (row - y0) * along_y)
                                                  / (along_x * along_x + along_y * along_y),
                                              0., 1.);
                const auto distance =
                    std::hypot(column - x0 - share * along_x, row - y0 - share * along_y);
                const auto ink = std::clamp(pen / 2 + .5 - distance, 0., 1.) * 255;
                canvas.bytes[at] = std::max(canvas.bytes[at], static_cast<std::uint8_t>(ink));
            }
        }
    }
    return {x - 1, y - 1, static_cast<std::uint32_t>(x + 2 + .7 * height),
            static_cast<std::uint32_t>(y + 2 + height)};
}

} // namespace

TEST_CASE("identifiers are recognised as people write them and as Tesseract misreads them")
{
    DcmDataset data;
    data.putAndInsertString(DCM_PatientName, "Quixotic^Zephyrina");
    data.putAndInsertString(DCM_PatientID, "SYN-7654321");
    data.putAndInsertString(DCM_PatientBirthDate, "19700102");
    data.putAndInsertString(DCM_AccessionNumber, "ACC0815");
    const Identifiers identifiers{data, {"Fjellheim"}};

    for (const auto* const word : {"QUIXOTIC", "Zephyrlna", "ZEPHYRINA,", "SYN7654321", "7654321",
                                   "765432l", "02.01.1970", "1970-01-02", "ACC0815", "fjellheim"}) {
        CAPTURE(word);
        CHECK(identifiers.resembles(word));
    }
    for (const auto* const word : {"Depth", "12.5cm", "MI", "60%", "Abdomen", ""}) {
        CAPTURE(word);
        CHECK_FALSE(identifiers.resembles(word));
    }
}

TEST_CASE("marks outside of the frame of echoes need no second opinion")
{
    DcmDataset data;
    pictures::describe(data, {});
    CleanOptions options;
    options.search = Search::detect;
    Judge judge{options, data, nullptr};
    const auto written = pictures::written();

    const auto boxes = judge.boxes({pictures::plane_of(written.canvas)}, {0, 0, 256, 96});

    CHECK(pictures::covered(written.text, boxes) > 0.9);
}

TEST_CASE("less certain finds stay when the caller says so")
{
    DcmDataset data;
    CleanOptions options;
    options.search = Search::detect;
    options.least_confidence = 100;
    Judge judge{options, data, nullptr};

    CHECK(judge.boxes({pictures::plane_of(pictures::written().canvas)}, {0, 0, 256, 96}).empty());
}

TEST_CASE("a marker that is read without doubt stays, the name beside it goes")
{
    DcmDataset data;
    data.putAndInsertString(DCM_PatientName, "DOE^JANE");
    CleanOptions options;
    options.hide = GENERATE(Hide::known, Hide::all);
    const auto& [letter, height] =
        GENERATE(table<char, double>({{'L', 14}, {'R', 14}, {'A', 14}, {'P', 12}}));
    CAPTURE(letter, static_cast<int>(options.hide));
    auto canvas = phantom::plain_canvas(400, 512, 1, 0);
    const auto name = pictures::box_of(phantom::draw_text(canvas, 150, 180, 3, "JANE DOE"));
    const auto marker = draw_marker(canvas, letter, 450, 180, height);
    const auto picture = pictures::plane_of(canvas);
    const Box everything{0, 0, 512, 400};
    Reader reader{"eng"};

    const auto boxes = Judge{options, data, &reader}.boxes({picture}, everything);

    CHECK(pictures::covered(name, boxes) > 0.9);
    CHECK(pictures::covered(marker, boxes) == 0);
    if (letter == 'L') {
        return; // two strokes are writing to nobody; the others are found, and it is the reader who lets them stay
    }
    CHECK(pictures::covered(marker, find_text(picture)) > 0.9);
    if (options.hide == Hide::all) {
        options.safe_words = {};
        const auto all = Judge{options, data, &reader}.boxes({picture}, everything);
        CHECK(pictures::covered(marker, all) > 0.9);
    }
}

TEST_CASE("words that are no identifiers stay when only known ones are hidden")
{
    DcmDataset data;
    data.putAndInsertString(DCM_PatientName, "DOE^JANE");
    const auto* const text = GENERATE("ABDOMEN", "DEPTH 12 CM");
    auto canvas = phantom::plain_canvas(300, 512, 1, 0);
    const auto name = pictures::box_of(phantom::draw_text(canvas, 20, 30, 3, "JANE DOE"));
    const auto word = pictures::box_of(phantom::draw_text(canvas, 20, 200, 3, text));
    const auto picture = pictures::plane_of(canvas);
    Reader reader{"eng"};
    const auto hidden = [&](Hide hide) {
        CleanOptions options;
        options.hide = hide;
        return Judge{options, data, &reader}.boxes({picture}, {0, 0, 512, 300});
    };

    CHECK(pictures::covered(name, hidden(Hide::known)) > 0.9);
    CHECK(pictures::covered(word, hidden(Hide::known)) == 0);
    CHECK(pictures::covered(name, hidden(Hide::all)) > 0.9);
    CHECK(pictures::covered(word, hidden(Hide::all)) > 0.9);
}
