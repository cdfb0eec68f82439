// SPDX-License-Identifier: MIT
#include "libfiona/pixel/judge.h"
#include "tests/unit/pixel/pictures.h"

#include <catch2/catch.hpp>

using namespace fiona::pixel;

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
    Reader reader{"eng"};
    Judge judge{options, data, &reader};
    auto canvas = phantom::plain_canvas(400, 512, 1, 0);
    const auto name = pictures::box_of(phantom::draw_text(canvas, 150, 180, 3, "JANE DOE"));
    const auto marker = pictures::box_of(phantom::draw_text(canvas, 470, 180, 4, "L"));

    const auto boxes = judge.boxes({pictures::plane_of(canvas)}, {0, 0, 512, 400});

    CHECK(pictures::covered(name, boxes) > 0.9);
    CHECK(pictures::covered(marker, boxes) == 0);
}

TEST_CASE("words that are no identifiers stay when only known ones are hidden")
{
    DcmDataset data;
    data.putAndInsertString(DCM_PatientName, "DOE^JANE");
    CleanOptions options;
    options.hide = Hide::known;
    Reader reader{"eng"};
    Judge judge{options, data, &reader};
    auto canvas = phantom::plain_canvas(200, 400, 1, 0);
    const auto name = pictures::box_of(phantom::draw_text(canvas, 20, 30, 3, "JANE DOE"));

    const auto boxes = judge.boxes({pictures::plane_of(canvas)}, {0, 0, 400, 200});

    CHECK(pictures::covered(name, boxes) > 0.9);
}
