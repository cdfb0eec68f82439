// SPDX-License-Identifier: MIT
#include "libfiona/base/config.h"
#include "libfiona/base/error.h"
#include "libfiona/base/log.h"
#include "libfiona/classify/rules.h"
#include "libfiona/classify/series_fields.h"
#include "tests/support/cpu_time.h"
#include "tests/unit/classify/made_image.h"

#include <catch2/catch.hpp>
#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dctk.h>
#include <fmt/format.h>

using namespace fiona;
using Catch::Contains;
using Types = std::vector<std::string>;

namespace {

dicom::Header image(Attributes attributes)
{
    return made_image(std::move(attributes));
}

classify::Rules shipped()
{
    return classify::Rules::load(shipped_file("rules/classifyRules.json"));
}

json::Object known(const classify::Classification& before)
{
    return {{"ClassifyType", json::Array{before.types.begin(), before.types.end()}},
            {"ClassifyVeto", json::Array{before.vetoes.begin(), before.vetoes.end()}}};
}

bool contains(const Types& types, const std::string& type)
{
    return std::find(types.begin(), types.end(), type) != types.end();
}

} // namespace

TEST_CASE("the shipped rules have no mistake and know a plain MR image")
{
    const auto rules = shipped();

    CHECK(rules.problems().empty());
    CHECK(rules.evaluate(image({}), {}).types == Types{"SIEMENS", "original", "axial"});
}

TEST_CASE("images that may show text are marked for the search of pixels")
{
    const auto attributes = GENERATE(values<Attributes>({
        {{"0008,0016", "1.2.840.10008.5.1.4.1.1.7"}},
        {{"0008,0016", "1.2.840.10008.5.1.4.1.1.7.4"}},
        {{"0008,0016", "1.2.840.10008.5.1.4.1.1.3.1"}},
        {{"0008,0016", "1.2.840.10008.5.1.4.1.1.6.1"}},
        {{"0008,0016", "1.2.840.10008.5.1.4.1.1.77.1.1"}},
        {{"0008,0016", "1.2.840.10008.5.1.4.1.1.104.1"}},
        {{"0008,0060", "US"}},
        {{"0008,0060", "OT"}},
        {{"0028,0301", "YES"}},
        {{"0008,0008", "DERIVED\\SECONDARY\\SCREEN SAVE"}},
        {{"0008,0008", "DERIVED\\SECONDARY"}, {"0008,0064", "WSD"}},
    }));
    CAPTURE(attributes);

    CHECK(contains(shipped().evaluate(image(attributes), {}).types, "CHECKBURNEDINFO"));
}

TEST_CASE("plain images are not marked")
{
    const auto attributes = GENERATE(values<Attributes>({
        {},
        {{"0028,0301", "NO"}},
        {{"0008,0008", "DERIVED\\SECONDARY"}},
        {{"0008,0016", "1.2.840.10008.5.1.4.1.1.77"}},
        {{"0008,0016", "1.2.840.10008.5.1.4.1.1.2"}, {"0008,0060", "CT"}},
    }));
    CAPTURE(attributes);

    CHECK_FALSE(contains(shipped().evaluate(image(attributes), {}).types, "CHECKBURNEDINFO"));
}

TEST_CASE("Siemens' non-image objects are recordings, or spectra if there is one slice")
{
    const auto types = [](const json::Object& fields) {
        return shipped().evaluate(image({{"0008,0016", "1.3.12.2.1107.5.9.1"}}), fields).types;
    };

    CHECK(contains(types({}), "ABCD-Physio"));
    CHECK(contains(types({{"NumSlices", "60"}}), "ABCD-Physio"));
    CHECK_FALSE(contains(types({{"NumSlices", "1"}}), "ABCD-Physio"));
    CHECK(contains(types({{"NumSlices", "1"}}), "ABCD-MRS"));
    CHECK_FALSE(contains(types({{"NumSlices", "60"}}), "ABCD-MRS"));
}

TEST_CASE("diffusion is known by what the scanner says, not by attributes that are always there")
{
    const auto types = [](const dicom::Header& header) {
        return shipped().evaluate(header, classify::series_fields(header, {})).types;
    };

    CHECK(contains(types(image({{"0008,0008", "ORIGINAL\\PRIMARY\\DIFFUSION"}})), "DIFFUSION"));
    CHECK(contains(types(made_image({},
                                    [](DcmDataset& set) {
                                        put_text(set, {0x0019, 0x0010}, "LO", "SIEMENS MR HEADER");
                                        put_text(set, {0x0019, 0x100c}, "IS", "1000");
                                    })),
                   "DIFFUSION"));
    CHECK(contains(types(made_image({{"0008,0070", "GE MEDICAL SYSTEMS"}},
                                    [](DcmDataset& set) {
                                        put_text(set, {0x0043, 0x0010}, "LO", "GEMS_PARM_01");
                                        put_text(set, {0x0043, 0x1039}, "IS", "1000\\8\\0\\0");
                                    })),
                   "DIFFUSION"));
    CHECK_FALSE(contains(types(made_image({{"0008,0070", "Philips"}},
                                          [](DcmDataset& set) {
                                              put_text(set, {0x0018, 0x9087}, "FD", "0");
                                              put_text(set, {0x0018, 0x9089}, "FD", "0\\0\\0");
                                          })),
                         "DIFFUSION"));
}

TEST_CASE("a mosaic of XA software is known by a private element")
{
    const auto header = made_image({}, [](DcmDataset& set) {
        put_text(set, {0x0021, 0x0011}, "LO", "SIEMENS MR SDI 02");
        put_text(set, {0x0021, 0x1175}, "CS", "ORIGINAL\\PRIMARY\\M\\ND\\MOSAIC");
    });

    CHECK(contains(shipped().evaluate(header, {}).types, "mosaic"));
}

TEST_CASE("three orientations make a localizer at once")
{
    const auto rules = shipped();
    auto found = rules.evaluate(image({}), {});
    found = rules.evaluate(image({{"0020,0037", "1\\0\\0\\0\\0\\-1"}}), known(found));
    CHECK_FALSE(contains(found.types, "localizer"));

    found = rules.evaluate(image({{"0020,0037", "0\\1\\0\\0\\0\\-1"}}), known(found));

    CHECK(found.types == Types{"SIEMENS", "original", "axial", "coronal", "sagittal", "localizer"});
}

TEST_CASE("a type of the series level is lost for good with the first image that fails")
{
    const auto rules = classify::Rules::parse(
        R"([{"type": "short", "check": "SeriesLevel",
             "rules": [{"tag": ["0x18","0x81"], "operator": "<", "value": "10"}]}])",
        "test");
    const auto good = image({});
    const auto bad = image({{"0018,0081", "90"}});

    const auto first = rules.evaluate(good, {});
    CHECK(first.types == Types{"short"});
    const auto second = rules.evaluate(bad, known(first));
    CHECK(second.types.empty());
    CHECK(second.vetoes == Types{"short"});
    CHECK(rules.evaluate(good, known(second)).types.empty());

    const auto other_order = rules.evaluate(good, known(rules.evaluate(bad, {})));
    CHECK(other_order.types.empty());
}

TEST_CASE("alternatives of one type at the series level veto together only")
{
    const auto rules = classify::Rules::parse(
        R"([{"type": "T", "check": "SeriesLevel", "rules": [{"tag": ["Modality"], "operator": "==", "value": "CT"}]},
            {"type": "T", "check": "SeriesLevel", "rules": [{"tag": ["Modality"], "operator": "==", "value": "MR"}]}])",
        "test");

    CHECK(rules.evaluate(image({}), {}).types == Types{"T"});
}

TEST_CASE("references stand for all conditions of an object, notrule for not all of them")
{
    const auto rules = classify::Rules::parse(
        R"([{"type": "A", "id": "a", "rules": [{"tag": ["Modality"], "operator": "==", "value": "MR"},
                                               {"tag": ["EchoTime"], "operator": ">", "value": "50"}]},
            {"type": "B", "rules": [{"notrule": "a"}]},
            {"type": "C", "rules": [{"rule": "a"}]}])",
        "test");

    CHECK(rules.evaluate(image({}), {}).types == Types{"B"});
    CHECK(rules.evaluate(image({{"0018,0081", "90"}}), {}).types == Types{"A", "C"});
    CHECK(rules.resolved().array().size() == 3);
}

TEST_CASE("a mistake disables its object, says where it is, and leaves the others")
{
    struct Mistake {
        const char* object;
        const char* complaint;
    };
    const auto [object, complaint] = GENERATE(values<Mistake>({
        {R"(7)", "object 1: must be an object"},
        {R"({"rules": [{"tag": ["Modality"], "value": "MR"}]})", "object 1: type"},
        {R"({"type": "X", "id": "q"})", "object 1 (q): rules"},
        {R"({"type": "X", "rules": []})", "object 1: rules"},
        {R"({"type": "X", "rules": [7]})", "rules[0]"},
        {R"({"type": "X", "rules": [{"value": "MR"}]})", "rules[0].tag"},
        {R"({"type": "X", "rules": [{"tag": ["x","y"], "value": "MR"}]})", "rules[0].tag"},
        {R"({"type": "X", "rules": [{"tag": ["1","2","3","4"], "value": "MR"}]})", "rules[0].tag"},
        {R"({"type": "X", "rules": [{"tag": ["Modalty"], "value": "MR"}]})",
         "object 1: rules[0].tag: Modalty is neither"},
        {R"({"type": "X", "rules": [{"tag": ["Modality"], "value": "MR"}, {"tag": ["00080060"], "value": "MR"}]})",
         "object 1: rules[1].tag: 00080060 is neither"},
        {R"({"type": "X", "rules": [{"tag": ["ImageType.Modality."], "value": "MR"}]})",
         "rules[0].tag"},
        {R"({"type": "X", "rules": [{"tag": ["Modality"], "operator": "like", "value": "MR"}]})",
         "rules[0].operator"},
        {R"({"type": "X", "rules": [{"tag": ["Modality"]}]})", "rules[0].value"},
        {R"({"type": "X", "rules": [{"tag": ["Modality"], "value": "(a"}]})", "rules[0].value"},
        {R"({"type": "X", "rules": [{"tag": ["Modality"], "value": "(?<=a+)b"}]})",
         "rules[0].value"},
        {R"({"type": "X", "rules": [{"tag": ["EchoTime"], "operator": "approx", "approxLevel": "x", "value": "1"}]})",
         "approxLevel"},
        {R"({"type": "X", "check": "Sometimes", "rules": [{"tag": ["Modality"], "value": "MR"}]})",
         "check"},
        {R"({"type": "X", "rules": [{"rule": "nobody"}]})", "unknown id nobody"},
        {R"({"type": "X", "id": "x", "rules": [{"rule": "x"}]})", "circle"},
        {R"({"type": "X", "rules": [{"rule": "twin"}]}, {"type": "Y", "id": "twin", "rules": [{"tag": ["Modality"], "value": "1"}]},
            {"type": "Y", "id": "twin", "rules": [{"tag": ["Modality"], "value": "1"}]})",
         "twin"},
    }));
    CAPTURE(object);
    const auto* const good = R"({"type": "good", "rules": [{"tag": ["Modality"], "value": "MR"}]})";

    const auto rules = classify::Rules::parse(fmt::format("[{}, {}]", object, good), "test");

    REQUIRE_FALSE(rules.problems().empty());
    std::string all;
    for (const auto& problem : rules.problems()) {
        all += problem + "\n";
    }
    CHECK_THAT(all, Contains(complaint));
    CHECK(rules.evaluate(image({}), {}).types == Types{"good"});
}

TEST_CASE("a mistake is told with the line and column at which an editor shows it")
{
    const auto rules = classify::Rules::parse(R"([
  { "type": "A", "description": "braces } and \"quotes\" in [texts] lead nobody astray",
    "rules": [ { "tag": ["Modality"], "value": "MR" } ] },
  { "type": "B",
    "rules": [ { "tag": ["Modality"], "value": "MR" },
               { "tag": ["Modality"], "operator": "lik", "value": "MR" } ] },
  { "id": "c", "rules": [ { "rule": "nobody" } ] },
  7
])",
                                              "test");

    CHECK(rules.problems()
          == std::vector<std::string>{
              "line 6, column 51: object 2: rules[1].operator: unknown",
              "line 7, column 3: object 3 (c): type: is missing",
              "line 8, column 3: object 4: must be an object",
              "line 7, column 25: object 3 (c): rules: refers to the unknown id nobody"});
    CHECK(rules.evaluate(image({}), {}).types == Types{"A"});
}

TEST_CASE("a file that is all mistakes is read in a moment")
{
    std::string text = "[7";
    for (int i = 0; i < 100'000; ++i) {
        text += ",7";
    }
    const CpuTime work;

    const auto rules = classify::Rules::parse(text + "]", "test");

    CHECK(rules.problems().size() == 100'001);
    CHECK(rules.problems().front() == "line 1, column 2: object 1: must be an object");
    CHECK(rules.problems().back() == "object 100001: must be an object");
    CHECK(work.seconds() < 10);
}

TEST_CASE("every name of the original is legal, whether a file had such a field or not")
{
    // The table of its series JSON, and keywords; "SoftwareVersion" is its own misspelling.
    const auto name = GENERATE(values<std::string>({"IncomingConnection",
                                                    "Modality",
                                                    "Manufacturer",
                                                    "ManufacturerModelName",
                                                    "SoftwareVersion",
                                                    "AcquisitionMatrix",
                                                    "AcquisitionLength",
                                                    "StudyInstanceUID",
                                                    "SeriesInstanceUID",
                                                    "SeriesTime",
                                                    "StudyDate",
                                                    "StudyTime",
                                                    "PatientID",
                                                    "PatientName",
                                                    "PatientSex",
                                                    "InstitutionName",
                                                    "OperatorsName",
                                                    "StationName",
                                                    "SOPClassUID",
                                                    "StudyDescription",
                                                    "StudyID",
                                                    "AccessionNumber",
                                                    "SeriesDescription",
                                                    "SeriesNumber",
                                                    "InstanceNumber",
                                                    "SequenceName",
                                                    "ScanningSequence",
                                                    "SequenceVariant",
                                                    "ScanOptions",
                                                    "EchoTime",
                                                    "RepetitionTime",
                                                    "SliceThickness",
                                                    "SliceSpacing",
                                                    "ImageType",
                                                    "SliceLocation",
                                                    "ImagesInAcquisition",
                                                    "NumberOfTemporalPositions",
                                                    "Slices",
                                                    "PulseSequenceName",
                                                    "Private0019_105a",
                                                    "Private0019_10BB",
                                                    "Private0043_1039",
                                                    "SequenceType",
                                                    "ActiveCoils",
                                                    "OSLevel",
                                                    "siemensUUID",
                                                    "NumSlices",
                                                    "MeasID",
                                                    "PhaseEncodingDirectionPositive",
                                                    "siemensDiffusionInformation",
                                                    "NumFiles",
                                                    "ClassifyType",
                                                    "SoftwareVersions",
                                                    "PatientAge",
                                                    "OtherPatientIDs"}));
    CAPTURE(name);

    const auto rules = classify::Rules::parse(
        fmt::format(R"([{{"type": "T", "rules": [{{"tag": ["{}"], "operator": "exist"}}]}}])",
                    name),
        "test");

    CHECK(rules.problems().empty());
}

TEST_CASE("objects that refer to each other, or to a disabled one, are disabled with it")
{
    const auto rules = classify::Rules::parse(
        R"([{"type": "A", "id": "a", "rules": [{"rule": "b"}]},
            {"type": "B", "id": "b", "rules": [{"rule": "c"}]},
            {"type": "C", "id": "c", "rules": [{"rule": "a"}]},
            {"type": "D", "id": "d", "rules": [{"notrule": "c"}]}])",
        "test");

    CHECK(rules.size() == 0);
    CHECK(rules.evaluate(image({}), {}).types.empty());
}

TEST_CASE("a damaged CHECKBURNEDINFO object holds for every image")
{
    const auto rules = classify::Rules::parse(
        R"([{"type": "CHECKBURNEDINFO", "rules": [{"tag": ["Modality"], "value": "(US"}]}])",
        "test");

    CHECK(rules.problems().size() == 1);
    CHECK(rules.evaluate(image({}), {}).types == Types{"CHECKBURNEDINFO"});
}

TEST_CASE("a file that is no array of objects is a mistake of the configuration")
{
    const auto* const text =
        GENERATE("", "{", "{}", "7", "[1,", "[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]");
    CAPTURE(text);
    try {
        static_cast<void>(classify::Rules::parse(text, "test"));
        FAIL("it was read");
    } catch (const Error& e) {
        CHECK(e.fault() == Fault::config);
    }
}

TEST_CASE("an original-style rule file loads and classifies as it always meant to")
{
    const auto rules = classify::Rules::parse(R"([
      { "type" : "SIEMENS", "id" : "SIEMENSBYMANUFACTURER", "description" : "This scan is from SIEMENS",
        "rules" : [ { "tag": [ "0x08", "0x70"], "value": "^SIEMENS" } ] },
      { "type" : "original", "id" : "ORIGINAL",
        "rules": [ { "tag": [ "0x08", "0x08" ], "value": "ORIGINAL", "operator": "contains" } ] },
      { "type" : "T1-NORM",
        "rules" : [ { "rule" : "SIEMENSBYMANUFACTURER" },
                    { "tag": [ "0x28", "0x10" ], "operator": "==", "value": "256" },
                    { "tag": [ "0x18", "0x89" ], "operator": "==", "value": "255" },
                    { "tag": [ "0x18", "0x24" ], "value": "tfl3d1_16ns" },
                    { "tag": [ "0x08", "0x08" ], "operator": "contains", "value": "NORM" },
                    { "tag": [ "0x08", "0x08" ], "operator": "contains", "negate": "yes", "value": "DIS" } ] },
      { "type" : "field map", "id": "TWIN",
        "rules" : [ { "rule" : "ORIGINAL" }, { "tag": [ "NumSlices" ], "value": "81" },
                    { "tag": [ "PhaseEncodingDirectionPositive" ], "operator": "==", "value": "0" },
                    { "tag": [ "AcquisitionLength" ], "value": "TA 05:1." } ] },
      { "type" : "field map", "id": "TWIN",
        "rules" : [ { "tag": [ "0x20", "0x105" ], "operator": ">", "value": "1" } ] },
      { "type" : "matrix", "rules" : [ { "tag": [ "AcquisitionMatrix" ], "value": "0, 256, 256, 0" },
                                       { "notrule": "FOREIGN" } ] },
      { "type" : "foreign", "id": "FOREIGN",
        "rules" : [ { "tag": [ "Modality" ], "operator": "==", "value": "CT" } ] },
      { "type" : "three", "rules" : [ { "tag": [ "0x28", "0x2" ], "operator": "==", "value": "1" } ] }
    ])",
                                              "original");
    const auto header = image({{"0018,0024", "*tfl3d1_16ns"},
                               {"0018,0089", "255"},
                               {"0008,0008", "ORIGINAL\\PRIMARY\\M\\ND\\NORM"}});
    auto fields = classify::series_fields(header, {});
    fields["NumSlices"] = "81";
    fields["PhaseEncodingDirectionPositive"] = "0";
    fields["AcquisitionLength"] = "TA 05:11";

    CHECK(rules.problems().size() == 1); // the twins; nothing refers to them
    CHECK(rules.size() == 8);
    CHECK(rules.evaluate(header, fields).types
          == Types{"SIEMENS", "original", "field map", "matrix", "three"});
}

TEST_CASE("types found before in the same pass are seen, in the order of the file")
{
    const auto rules = classify::Rules::parse(
        R"([{"type": "late", "rules": [{"tag": ["ClassifyType"], "operator": "contains", "value": "early"}]},
            {"type": "early", "rules": [{"tag": ["Modality"], "value": "MR"}]},
            {"type": "now", "rules": [{"tag": ["ClassifyType"], "operator": "contains", "value": "early"}]},
            {"type": "none", "rules": [{"tag": ["ClassifyType"], "operator": "contains", "value": "ear"}]}])",
        "test");

    const auto first = rules.evaluate(image({}), {});
    CHECK(first.types == Types{"early", "now"});
    CHECK(rules.evaluate(image({}), known(first)).types == Types{"early", "now", "late"});
}

TEST_CASE("references that double with every object, or go too deep, are refused")
{
    const auto chain = [](std::size_t length, const char* references) {
        std::string text{
            R"([{"type": "T", "id": "0", "rules": [{"tag": ["Modality"], "value": "MR"}]})"};
        for (std::size_t i = 1; i < length; ++i) {
            std::string rules;
            for (const auto* c = references; *c != '\0'; ++c) {
                rules += (rules.empty() ? "" : ",") + fmt::format(R"({{"rule": "{}"}})", i - 1);
            }
            text += fmt::format(R"(,{{"type": "T{}", "id": "{}", "rules": [{}]}})", i, i, rules);
        }
        return classify::Rules::parse(text + "]", "test");
    };

    CHECK(chain(90, "1").problems().empty());
    CHECK(chain(90, "1").evaluate(image({}), {}).types.size() == 90);
    CHECK(chain(9, "22").problems().empty());
    const auto doubling = chain(60, "22");
    CHECK(doubling.size() == 10);
    CHECK_THAT(doubling.problems().front(), Contains("more than 1000 conditions"));
    CHECK(doubling.resolved().array().size() == 10);
    CHECK(chain(100'000, "1").size() > 0);
}

TEST_CASE("a pattern that gives up fails its object, but for the search of pixels")
{
    const auto rules = classify::Rules::parse(
        R"([{"type": "A", "rules": [{"tag": ["ImageType"], "negate": "yes", "value": "^(?!x)(a+)+$"}]},
            {"type": "CHECKBURNEDINFO", "rules": [{"tag": ["ImageType"], "value": "^(?!x)(a+)+$"}]},
            {"type": "B", "rules": [{"tag": ["Modality"], "value": "MR"}]}])",
        "test");
    CHECK(rules.problems().empty());
    log::set_sink([](log::Level, const std::string&) {});

    const auto found = rules.evaluate(image({}), {{"ImageType", std::string(3'000, 'a') + "b"}});

    log::set_sink({});
    CHECK(found.types == Types{"CHECKBURNEDINFO", "B"});
}
