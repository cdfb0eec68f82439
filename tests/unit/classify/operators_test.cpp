// SPDX-License-Identifier: MIT
#include "libfiona/classify/rules.h"
#include "tests/unit/classify/made_image.h"
#include "tests/unit/csa/csa_bytes.h"

#include <catch2/catch.hpp>
#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dctk.h>
#include <fmt/format.h>

using namespace fiona;

namespace {

/// One image with an attribute of each kind. (0018,0024) is absent, (0008,0050) empty, (0008,0060)
/// the text `MR`, (0020,0011) the number 5, (0008,0008) a list of texts, (0020,0037) one of numbers,
/// (0019,1001) bytes of unknown kind that are text, (0019,1002) such that are not.
const dicom::Header& image()
{
    static const auto header = made_image({{"0008,0050", ""}}, [](DcmDataset& set) {
        put_bytes(set, {0x0019, 0x1001}, BytesVr::un, bytes_of("60"));
        put_bytes(set, {0x0019, 0x1002}, BytesVr::un, bytes_of("\x01\x02\xff\x01"));
        auto& first = add_item(set, {0x5200, 0x9230});
        put_text(add_item(first, {0x0018, 0x9114}), {0x0018, 0x9082}, "FD", "10");
        auto& second = add_item(set, {0x5200, 0x9230});
        put_text(add_item(second, {0x0018, 0x9114}), {0x0018, 0x9082}, "FD", "20");
        put_text(set, {0x0029, 0x0010}, "LO", "SIEMENS CSA HEADER");
        put_bytes(set, {0x0029, 0x1010}, BytesVr::ob,
                  CsaBytes{CsaBytes::Format::csa2}
                      .add("B_value", "IS", {"1000"})
                      .add("DiffusionGradientDirection", "FD", {"0.5", "-0.25", "0.8"})
                      .bytes());
        put_bytes(set, {0x0029, 0x1020}, BytesVr::ob,
                  CsaBytes{CsaBytes::Format::csa2}
                      .add("Isocentered", "IS", {"1"})
                      .add("MrPhoenixProtocol", "UN",
                           {"### ASCCONV BEGIN ###\nsSliceArray.lSize = 60\n### ASCCONV END ###"})
                      .bytes());
    });
    return header;
}

bool holds(const std::string& condition)
{
    const auto rules = classify::Rules::parse(
        fmt::format(R"([{{"type": "T", "rules": [{}]}}])", condition), "test");
    REQUIRE(rules.problems() == std::vector<std::string>{});
    return !rules.evaluate(image(), {}).types.empty();
}

/// Whether a condition holds for each kind of value, from `absent` to `noise`.
struct Row {
    const char* comparison;
    const char* value;
    bool absent, empty, text, number, texts, numbers, bytes, noise;
};

constexpr bool yes = true;
constexpr bool no = false;

} // namespace

TEST_CASE("every operator on every kind of value, and negated")
{
    // clang-format off
    const auto row = GENERATE(values<Row>({
        //                                  absent empty text number texts numbers bytes noise
        {"regexp",    R"("^$")",               no,  yes,  no,  no,   no,   no,    no,   yes},
        {"regexp",    R"("R")",                no,  no,   yes, no,   yes,  no,    no,   no},
        {"regexp",    R"("^5$|^60$")",         no,  no,   no,  yes,  no,   no,    yes,  no},
        {"regexp",    R"("'PRIMARY', 'M'")",   no,  no,   no,  no,   yes,  no,    no,   no},
        {"regexp",    R"("^.1, 0, 0, 0, 1")",  no,  no,   no,  no,   no,   yes,   no,   no},
        {"regexp",    "\"^(?!.*R)\"",          no,  yes,  no,  yes,  no,   yes,   yes,  yes},
        {"contains",  R"("R")",                no,  no,   yes, no,   no,   no,    no,   no},
        {"contains",  R"("PRIMARY")",          no,  no,   no,  no,   yes,  no,    no,   no},
        {"contains",  R"("PRIM")",             no,  no,   no,  no,   no,   no,    no,   no},
        {"contains",  R"("1")",                no,  no,   no,  no,   no,   yes,   no,   no},
        {"contains",  "5",                     no,  no,   no,  yes,  no,   no,    no,   no},
        {"contains",  R"("6")",                no,  no,   no,  no,   no,   no,    yes,  no},
        {"contains",  R"("")",                 no,  yes,  yes, yes,  no,   no,    yes,  yes},
        {"==",        R"("MR")",               no,  no,   yes, no,   no,   no,    no,   no},
        {"==",        R"("")",                 no,  yes,  no,  no,   no,   no,    no,   yes},
        {"==",        R"("5.0")",              no,  no,   no,  yes,  no,   no,    no,   no},
        {"==",        "5",                     no,  no,   no,  yes,  no,   no,    no,   no},
        {"==",        "60.0",                  no,  no,   no,  no,   no,   no,    yes,  no},
        {"==",        R"(["ORIGINAL","PRIMARY","M","ND"])", no, no, no, no, yes, no, no, no},
        {"==",        R"(["1","0","0.0","0","1","0"])",     no, no, no, no, no, yes, no, no},
        {"!=",        R"("MR")",               no,  yes,  no,  yes,  yes,  yes,   yes,  yes},
        {"!=",        R"("5.0")",              no,  yes,  yes, no,   yes,  yes,   yes,  yes},
        {"!=",        R"("1")",                no,  yes,  yes, yes,  yes,  no,    yes,  yes},
        {"!=",        R"("M")",                no,  yes,  yes, yes,  no,   yes,   yes,  yes},
        {"<",         R"("6")",                no,  no,   no,  yes,  no,   yes,   no,   no},
        {"<",         R"("1")",                no,  no,   no,  no,   no,   no,    no,   no},
        {"<",         "61",                    no,  no,   no,  yes,  no,   yes,   yes,  no},
        {"<",         R"("ZZ")",               no,  no,   no,  no,   no,   no,    no,   no},
        {">",         R"("4")",                no,  no,   no,  yes,  no,   no,    yes,  no},
        {">",         "-1",                    no,  no,   no,  yes,  no,   yes,   yes,  no},
        {">",         R"("A")",                no,  no,   no,  no,   no,   no,    no,   no},
        {"<=",        R"("5")",                no,  no,   no,  yes,  no,   yes,   no,   no},
        {"<=",        R"("4.9")",              no,  no,   no,  no,   no,   yes,   no,   no},
        {">=",        R"("5")",                no,  no,   no,  yes,  no,   no,    yes,  no},
        {">=",        R"("0")",                no,  no,   no,  yes,  no,   yes,   yes,  no},
        {"in",        R"(["MR","5","60","X"])",             no, no, yes, yes, no, no, yes, no},
        {"in",        R"(["ORIGINAL","PRIMARY","M","ND","X"])", no, no, no, no, yes, no, no, no},
        {"in",        R"(["ORIGINAL","PRIMARY","M","X"])",  no, no, no, no, no, no, no, no},
        {"in",        R"(["0","1","","7"])",                no, yes, no, no, no, yes, no, yes},
        {"in",        R"("MR")",               no,  no,   yes, no,   no,   no,    no,   no},
        {"exist",     R"("")",                 no,  yes,  yes, yes,  yes,  yes,   yes,  yes},
        {"exists",    R"("x")",                no,  yes,  yes, yes,  yes,  yes,   yes,  yes},
        {"notexist",  R"("")",                 yes, no,   no,  no,   no,   no,    no,   no},
        {"notexists", R"("x")",                yes, no,   no,  no,   no,   no,    no,   no},
        {"approx",    R"("5.00001")",          no,  no,   no,  yes,  no,   no,    no,   no},
        {"approx",    R"("5.1")",              no,  no,   no,  no,   no,   no,    no,   no},
        {"approx",    "60",                    no,  no,   no,  no,   no,   no,    yes,  no},
        {"approx",    R"("MR")",               no,  no,   no,  no,   no,   no,    no,   no},
        {"approx",    R"(["1","0","0","0","1","0.00001"])", no, no, no, no, no, yes, no, no},
        {"approx",    R"(["1","0","0","0","1"])",           no, no, no, no, no, no, no, no},
        {"approx",    R"(["1","0","0","0","0","1"])",       no, no, no, no, no, no, no, no},
    }));
    // clang-format on
    struct Kind {
        const char* name;
        const char* tag;
        bool Row::*holds;
    };
    const auto kind = GENERATE(values<Kind>({
        {"absent", R"(["0x0018","0x0024"])", &Row::absent},
        {"empty", R"(["0x0008","0x0050"])", &Row::empty},
        {"text", R"(["Modality"])", &Row::text},
        {"number", R"(["0x20","0x11"])", &Row::number},
        {"texts", R"(["ImageType"])", &Row::texts},
        {"numbers", R"(["0020","0037"])", &Row::numbers},
        {"bytes", R"(["0x19","0x1001"])", &Row::bytes},
        {"noise", R"(["0x19","0x1002"])", &Row::noise},
    }));
    CAPTURE(row.comparison, row.value, kind.name);
    const auto condition = [&](const char* negate) {
        return fmt::format(R"({{"tag": {}, "operator": "{}", "value": {}{}}})", kind.tag,
                           row.comparison, row.value, negate);
    };

    CHECK(holds(condition("")) == row.*kind.holds);
    CHECK(holds(condition(R"(, "negate": "yes")")) != row.*kind.holds);
    CHECK(holds(condition(R"(, "negate": "no")")) == row.*kind.holds);
}

TEST_CASE("a tag is a name, a number pair in any notation, or a pair with an index")
{
    CHECK(holds(R"({"tag": ["0x0008","0x0008","1"], "operator": "==", "value": "PRIMARY"})"));
    CHECK(holds(R"({"tag": ["8","8","3"], "operator": "==", "value": "ND"})"));
    CHECK_FALSE(holds(R"({"tag": ["8","8","4"], "operator": "exist"})"));
    CHECK(holds(R"({"tag": ["Manufacturer"], "value": "^SIEMENS"})"));
    CHECK_FALSE(holds(R"({"tag": ["MeasID"], "operator": "exist"})"));
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

TEST_CASE("a path leads to any item of a sequence and to one of several values")
{
    CHECK(holds(
        R"({"tag": ["PerFrameFunctionalGroupsSequence[1].MREchoSequence[0].EffectiveEchoTime"],
            "operator": "==", "value": "20"})"));
    CHECK(holds(R"({"tag": ["PerFrameFunctionalGroupsSequence.MREchoSequence.EffectiveEchoTime"],
                    "operator": "==", "value": "10"})"));
    CHECK(holds(R"({"tag": ["52009230[1].00189114.00189082[0]"], "operator": "==", "value": 20})"));
    CHECK_FALSE(holds(
        R"({"tag": ["PerFrameFunctionalGroupsSequence[2].MREchoSequence[0].EffectiveEchoTime"],
            "operator": "exist"})"));
    CHECK(holds(R"({"tag": ["ImageType[2]"], "operator": "==", "value": "M"})"));
    CHECK_FALSE(holds(R"({"tag": ["ImageType[4]"], "operator": "exist"})"));
}

TEST_CASE("CSA tags and keys of the protocol are values like others")
{
    CHECK(holds(R"({"tag": ["CSAImage","B_value"], "operator": ">", "value": "500"})"));
    CHECK(holds(R"({"tag": ["CSAImage","DiffusionGradientDirection"], "operator": "approx",
                    "value": ["0.5", "-0.25", "0.8"]})"));
    CHECK(holds(R"({"tag": ["CSAImage","DiffusionGradientDirection","1"], "operator": "<",
                    "value": "0"})"));
    CHECK_FALSE(holds(R"({"tag": ["CSAImage","DiffusionGradientDirection","3"],
                          "operator": "exist"})"));
    CHECK(holds(R"({"tag": ["CSASeries","Isocentered"], "operator": "==", "value": 1})"));
    CHECK(holds(R"({"tag": ["ASCCONV","sSliceArray.lSize"], "operator": "==", "value": "60"})"));
    CHECK(holds(R"({"tag": ["0x19","0x1001"], "operator": "==",
                    "value": ["ASCCONV", "sSliceArray.lSize"]})"));
    CHECK_FALSE(holds(R"({"tag": ["CSAImage","NoSuchTag"], "operator": "exist"})"));
    CHECK_FALSE(holds(R"({"tag": ["ASCCONV","lSize"], "operator": "exist"})"));
    CHECK(holds(R"({"tag": ["CSASeries","B_value"], "operator": "notexist"})"));
}

TEST_CASE("a value that names no attribute is a list")
{
    CHECK(holds(R"({"tag": ["Modality"], "operator": "in", "value": ["CT", "MR"]})"));
    CHECK(holds(R"({"tag": ["ImageType"], "operator": "contains", "value": ["PRIMARY"]})"));
    CHECK_FALSE(holds(R"({"tag": ["Modality"], "value": ["MeasID", "MR"]})"));
}
