// SPDX-License-Identifier: MIT
#include "libfiona/base/config.h"
#include "libfiona/base/error.h"
#include "libfiona/classify/rules.h"
#include "libfiona/dicom/library.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/ingest/phantom_file.h"

#include <catch2/catch.hpp>

using namespace fiona;
using Catch::Contains;
using Types = std::vector<std::string>;

namespace {

dicom::Header image(Attributes attributes)
{
    attributes.emplace("0008,0018", "1.2.3");
    const TempDir scratch;
    write_image(scratch / "image", attributes);
    return dicom::Header::read(scratch / "image");
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

    CHECK(rules.problems() == Types{});
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

TEST_CASE("physiological recordings and diffusion are known by standard attributes")
{
    CHECK(contains(shipped().evaluate(image({{"0008,0016", "1.3.12.2.1107.5.9.1"}}), {}).types,
                   "ABCD-Physio"));
    CHECK(contains(
        shipped().evaluate(image({{"0008,0008", "ORIGINAL\\PRIMARY\\DIFFUSION"}}), {}).types,
        "DIFFUSION"));
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
    CHECK(second.types == Types{});
    CHECK(second.vetoes == Types{"short"});
    CHECK(rules.evaluate(good, known(second)).types == Types{});

    const auto other_order = rules.evaluate(good, known(rules.evaluate(bad, {})));
    CHECK(other_order.types == Types{});
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
        {R"({"type": "X", "rules": [{"rule": "twin"}]}, {"type": "Y", "id": "twin", "rules": [{"tag": ["Q"], "value": "1"}]},
            {"type": "Y", "id": "twin", "rules": [{"tag": ["Q"], "value": "1"}]})",
         "twin"},
    }));
    CAPTURE(object);
    const auto good = R"({"type": "good", "rules": [{"tag": ["Modality"], "value": "MR"}]})";

    const auto rules = classify::Rules::parse(fmt::format("[{}, {}]", object, good), "test");

    REQUIRE_FALSE(rules.problems().empty());
    std::string all;
    for (const auto& problem : rules.problems()) {
        all += problem + "\n";
    }
    CHECK_THAT(all, Contains(complaint));
    CHECK(rules.evaluate(image({}), {}).types == Types{"good"});
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
    CHECK(rules.evaluate(image({}), {}).types == Types{});
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
