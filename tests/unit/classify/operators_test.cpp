// SPDX-License-Identifier: MIT
#include "libfiona/classify/rules.h"
#include "libfiona/dicom/library.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/ingest/phantom_file.h"

#include <catch2/catch.hpp>
#include <fmt/format.h>

using namespace fiona;

namespace {

/// One image with an attribute of each kind: (0008,0050) empty, (0008,0060) text `MR`,
/// (0020,0011) number 5, (0008,0008) list of texts, (0020,0037) list of numbers; (0018,0024) absent.
const dicom::Header& image()
{
    static const dicom::Header header = [] {
        const TempDir scratch;
        write_image(scratch / "image", {{"0008,0018", "1.2.3"}, {"0008,0050", ""}});
        return dicom::Header::read(scratch / "image");
    }();
    return header;
}

bool holds(const std::string& condition)
{
    const auto rules = classify::Rules::parse(
        fmt::format(R"([{{"type": "T", "rules": [{}]}}])", condition), "test");
    REQUIRE(rules.problems() == std::vector<std::string>{});
    return !rules.evaluate(image(), {}).types.empty();
}

constexpr auto absent = R"(["0x0018","0x0024"])";
constexpr auto empty = R"(["0x0008","0x0050"])";
constexpr auto text = R"(["Modality"])";
constexpr auto number = R"(["0x20","0x11"])";
constexpr auto texts = R"(["ImageType"])";
constexpr auto numbers = R"(["0020","0037"])";

struct Row {
    const char* comparison;
    const char* value;
    const char* tag;
    bool holds;
};

} // namespace

TEST_CASE("every operator on every kind of value, and negated")
{
    const auto row = GENERATE(values<Row>({
        {"regexp", R"("^M")", absent, false},
        {"regexp", R"("^$")", empty, true},
        {"regexp", R"("^M")", text, true},
        {"regexp", R"("R")", text, true},
        {"regexp", R"("^r")", text, false},
        {"regexp", R"("^5$")", number, true},
        {"regexp", R"("'PRIMARY', 'M'")", texts, true},
        {"regexp", R"("^.1, 0, 0, 0, 1, 0.$")", numbers, true},
        {"contains", R"("M")", absent, false},
        {"contains", R"("M")", empty, false},
        {"contains", R"("R")", text, true},
        {"contains", R"("5")", number, true},
        {"contains", "5", number, true},
        {"contains", R"("PRIMARY")", texts, true},
        {"contains", R"("PRIM")", texts, false},
        {"contains", R"("1")", numbers, true},
        {"==", R"("MR")", absent, false},
        {"==", R"("MR")", empty, false},
        {"==", R"("")", empty, true},
        {"==", R"("MR")", text, true},
        {"==", R"("CT")", text, false},
        {"==", R"("5.0")", number, true},
        {"==", "5", number, true},
        {"==", R"("6")", number, false},
        {"==", R"("M")", texts, false},
        {"==", R"(["ORIGINAL","PRIMARY","M","ND"])", texts, true},
        {"==", R"("1")", numbers, false},
        {"!=", R"("CT")", absent, false},
        {"!=", R"("MR")", empty, true},
        {"!=", R"("CT")", text, true},
        {"!=", R"("MR")", text, false},
        {"!=", R"("5.0")", number, false},
        {"!=", R"("DERIVED")", texts, true},
        {"!=", R"("7")", numbers, true},
        {"<", R"("6")", absent, false},
        {"<", R"("6")", empty, false},
        {"<", R"("6")", text, false},
        {"<", R"("6")", number, true},
        {"<", R"("5")", number, false},
        {"<", R"("6")", texts, false},
        {"<", R"("2")", numbers, true},
        {"<", R"("1")", numbers, false},
        {">", R"("4")", absent, false},
        {">", R"("4")", empty, false},
        {">", R"("4")", text, false},
        {">", R"("4")", number, true},
        {">", R"("-1")", numbers, true},
        {"<=", R"("5")", number, true},
        {"<=", R"("4.9")", number, false},
        {"<=", R"("1")", numbers, true},
        {"<=", R"("A")", text, false},
        {">=", R"("5")", number, true},
        {">=", R"("5.1")", number, false},
        {">=", R"("5")", absent, false},
        {"in", R"(["CT","MR","US","PT"])", absent, false},
        {"in", R"(["CT","MR","US","PT"])", empty, false},
        {"in", R"(["CT","MR","US","PT"])", text, true},
        {"in", R"(["4","5","6","7"])", number, true},
        {"in", R"(["ORIGINAL","PRIMARY","M","ND","X"])", texts, true},
        {"in", R"(["ORIGINAL","PRIMARY","M","X"])", texts, false},
        {"in", R"(["0","1","2","3"])", numbers, true},
        {"exist", R"("")", absent, false},
        {"exist", R"("")", empty, true},
        {"exists", R"("")", texts, true},
        {"notexist", R"("")", absent, true},
        {"notexists", R"("")", text, false},
        {"approx", R"("5")", absent, false},
        {"approx", R"("5")", empty, false},
        {"approx", R"("5")", text, false},
        {"approx", R"("5.00001")", number, true},
        {"approx", R"("5.1")", number, false},
        {"approx", R"(["1","0","0","0","1","0"])", numbers, true},
        {"approx", R"(["1","0","0","0","1"])", numbers, false},
        {"approx", R"(["1","0","0","0","0","1"])", numbers, false},
    }));
    CAPTURE(row.comparison, row.value, row.tag);
    const auto condition = [&](const char* negate) {
        return fmt::format(R"({{"tag": {}, "operator": "{}", "value": {}{}}})", row.tag,
                           row.comparison, row.value, negate);
    };

    CHECK(holds(condition("")) == row.holds);
    CHECK(holds(condition(R"(, "negate": "yes")")) == !row.holds);
}

TEST_CASE("a tag is a name, a number pair in any notation, or a pair with an index")
{
    CHECK(holds(R"({"tag": ["0x0008","0x0008","1"], "operator": "==", "value": "PRIMARY"})"));
    CHECK(holds(R"({"tag": ["8","8","3"], "operator": "==", "value": "ND"})"));
    CHECK_FALSE(holds(R"({"tag": ["8","8","4"], "operator": "exist"})"));
    CHECK(holds(R"({"tag": ["Manufacturer"], "value": "^SIEMENS"})"));
    CHECK_FALSE(holds(R"({"tag": ["NoSuchKey"], "operator": "exist"})"));
}

TEST_CASE("a value may be another attribute of the image")
{
    CHECK(holds(R"({"tag": ["SeriesDate"], "operator": "==", "value": ["StudyDate"]})"));
    CHECK_FALSE(holds(R"({"tag": ["SeriesTime"], "operator": "==", "value": ["StudyTime"]})"));
    CHECK(holds(R"({"tag": ["EchoTime"], "operator": "<", "value": ["0x0018","0x0080"]})"));
}

TEST_CASE("approxLevel widens the comparison")
{
    CHECK(holds(
        R"({"tag": ["EchoTime"], "operator": "approx", "approxLevel": "0.1", "value": "2.55"})"));
    CHECK_FALSE(holds(R"({"tag": ["EchoTime"], "operator": "approx", "value": "2.55"})"));
}
