// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/export/export_type.h"
#include "libfiona/export/mail.h"
#include "libfiona/export/nifti.h"
#include "libfiona/export/participant.h"
#include "libfiona/export/plan.h"
#include "libfiona/export/template.h"
#include "tests/support/shipped_files.h"

#include <catch2/catch.hpp>

#include <map>

using namespace fiona;
using namespace fiona::exports;

namespace {

Template::Lookup values(const std::map<std::string, std::string>& table)
{
    return [table](std::string_view name) -> std::optional<std::string> {
        const auto found = table.find(std::string{name});
        return found == table.end() ? std::nullopt : std::optional{found->second};
    };
}

} // namespace

TEST_CASE("a part of a name has no separators, keeps Norwegian letters, and is never empty")
{
    CHECK(safe_part("t1 mprage (sag)") == "t1-mprage--sag-");
    CHECK(safe_part(" Blåbær_Ø^1 ") == "Blåbær_Ø^1");
    CHECK(safe_part("../../etc/passwd") == "------etc-passwd");
    CHECK(safe_part("a'b\"c$(d);e\nf\\g`h") == "a-b-c--d--e-f-g-h");
    CHECK(safe_part("") == "unknown");
    CHECK(safe_part("   ") == "unknown");
    CHECK(safe_part("é") == "-"); // one for one character
    CHECK(safe_part("\xff\xfe") == "--");
    CHECK(safe_file("MR.1.2.3") == "MR.1.2.3");
    CHECK(safe_file("..hidden") == "-.hidden");
    CHECK(safe_part(std::string(500, 'x')).size() == 120);
    std::string letters;
    for (int i = 0; i < 100; ++i) {
        letters += "ø";
    }
    CHECK(safe_part(letters).size() == 120);
    CHECK(safe_part("x" + letters).size() <= 120); // no half letter
}

TEST_CASE("a layout becomes a path, whatever the values are")
{
    const std::vector<std::string_view> names{"A", "B", "Event", "Number", "File"};
    const Template layout{"{A}/{B}{_Event}/{Number:04}_x/{File}.dcm", names};

    CHECK(layout.path(values({{"A", "a"}, {"B", "b"}, {"Number", "3"}, {"File", "MR.1"}}))
          == "a/b/0003_x/MR.1.dcm");
    CHECK(layout.path(values({{"A", "../.."}, {"B", "/"}, {"Event", "e 1"}, {"Number", "12345"}}))
          == "-----/-_e-1/12345_x/unknown.dcm");
    CHECK(Template("{A|..}/./{B}", names).path(values({{"B", "b"}})) == "unknown/unknown/b");
}

TEST_CASE("a value that lacks a field is no value, unless the template says what then")
{
    const std::vector<std::string_view> names{"A", "B"};

    CHECK(Template("{A}0101", names).value(values({{"A", "1970"}})) == "19700101");
    CHECK_FALSE(Template("{A}0101", names).value(values({})));
    CHECK_FALSE(Template("{A}0101", names).value(values({{"A", ""}})));
    CHECK(Template("{A|}", names).value(values({})) == "");
    CHECK(Template("{A|none}{_B}", names).value(values({{"B", "b"}})) == "none_b");
}

TEST_CASE("a template that makes no sense is refused")
{
    const auto* const text =
        GENERATE("{A", "{Z}", "{A:}", "{A:99}", "{A:99999999999999999999}", "{A:x}", "{}");
    CAPTURE(text);
    CHECK_THROWS_AS((Template{text, {"A"}}), Error);
}

TEST_CASE("the export types that are shipped are read")
{
    const auto types = ExportTypes::load(shipped_file("export/exports.json"));

    CHECK(types.names()
          == std::vector<std::string>{"BIDS", "NIFTI", "PURE", "RAM-MS", "Spectroscopy",
                                      "Transpara", "plain"});
    CHECK(types.find("").name == "plain");
    CHECK(types.find("RAM-MS").date_shift_days == -42);
    CHECK_FALSE(types.find("RAM-MS").has_readme);
    CHECK_FALSE(types.find("BIDS").bids.empty());
    CHECK_THROWS_AS(types.find("pure"), Error);
}

TEST_CASE(
    "an unknown keyword, field or kind of images in exports.json is a fault of the configuration")
{
    const auto* const text = GENERATE(
        "[]", "{", R"({"X": 1})", R"({"X": {"set": {"OperatorName": "x"}}})",
        R"({"X": {"clear": ["ReferringPhysician"]}})", R"({"X": {"layout": "{Nonsense}"}})",
        R"({"X": {"images": "png"}})", R"({"X": {"date_shift": "1"}})", R"({"X": {"readme": 1}})",
        R"({"X": {"images": "bids"}})", R"({"X": {"include_sop": [1]}})");
    CAPTURE(text);
    try {
        static_cast<void>(ExportTypes::parse(text));
        FAIL("no error");
    } catch (const Error& e) {
        CHECK(e.fault() == Fault::config);
    }
}

TEST_CASE("ages and birth dates of REDCap become those of DICOM")
{
    CHECK(age_string("45") == "045Y");
    CHECK(age_string("1.5") == "018M");
    CHECK(age_string("90.5") == "090Y"); // months have three digits too
    CHECK(age_string("45 years").empty());
    CHECK(age_string("-1").empty());
    CHECK(age_string("1e99").empty());
    CHECK(age_string("nan").empty());
    CHECK(age_string("").empty());
    CHECK(birth_date("1970-02-03") == "19700203");
    CHECK(birth_date("1970-02-31").empty());
    CHECK(birth_date("").empty());
    CHECK(shifted("20240102", -42) == "20231121");
    CHECK(shifted("2024", 1).empty());
}

TEST_CASE("names of a package are unique")
{
    UniqueNames names;
    CHECK(names.take("a/b.dcm") == "a/b.dcm");
    CHECK(names.take("a/b.dcm") == "a/b_2.dcm");
    CHECK(names.take("a/b.dcm") == "a/b_3.dcm");
    CHECK(names.take("a.b/c") == "a.b/c");
    CHECK(names.take("a.b/c") == "a.b/c_2");
}

TEST_CASE("names that differ in case only stay apart on a disk that knows no case")
{
    UniqueNames names;
    CHECK(names.take("T1/A.dcm") == "T1/A.dcm");
    CHECK(names.take("t1/a.dcm") == "t1/a_2.dcm");
    CHECK(names.take("T1/A_2.DCM") == "T1/A_2_2.DCM");
    CHECK(names.take("b/KJØNN Å.dcm") == "b/KJØNN Å.dcm");
    CHECK(names.take("b/kjønn å.dcm") == "b/kjønn å_2.dcm");
    CHECK(names.take("b/×.dcm") == "b/×.dcm");
    CHECK(names.take("b/÷.dcm") == "b/÷.dcm");
}

TEST_CASE("a link is plain ASCII, and a BIDS label letters and digits")
{
    CHECK(url_encoded("DEMO_æ^1-x.zip") == "DEMO_%C3%A6%5E1-x.zip");
    CHECK(bids_label("t1_mprage (sag)") == "t1mpragesag");
    CHECK(bids_label("../") == "unknown");
}
