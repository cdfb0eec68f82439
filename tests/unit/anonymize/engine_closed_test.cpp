// SPDX-License-Identifier: MIT
#include "libfiona/anonymize/engine.h"
#include "tests/support/phantom_file.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/anonymize/engine_result.h"

#include <catch2/catch.hpp>

using namespace fiona;
using namespace fiona::anonymize;
using Catch::Contains;
using engine_result::process;
using phantom::put;
using phantom::sequence;
using phantom::text;

TEST_CASE(
    "an identifier in bytes that are kept fails the file closed, or is scrubbed if that is wanted")
{
    const TempDir root;
    auto settings = phantom::settings(root.path);
    auto data = phantom::image();
    put(data, text({0x0010, 0x0010}, "PN", "Testesen^Kari"));
    put(data, text({0x0028, 0x1201}, "OW", "..TESTESEN.."));

    SECTION("fail")
    {
        const auto result = process(data, settings, root);

        CHECK(result.report.verdict == Verdict::leaked);
        CHECK(result.report.reason == "a part of a name in 0028,1201");
        CHECK(phantom::tree(root / "out").empty());
    }
    SECTION("scrub")
    {
        settings.scrub_leaks = true;

        const auto result = process(data, settings, root);

        REQUIRE(result.report.verdict == Verdict::written);
        CHECK(result.value({0x0028, 0x1201}).empty());
        CHECK(result.bytes.find("TESTESEN") == std::string::npos);
    }
}

TEST_CASE("no wish of a profile lets an original study, series or instance UID out")
{
    const TempDir root;
    auto settings = phantom::settings(root.path);
    const auto* const tag = GENERATE("0020,000D", "0020,000E", "0008,0018");
    CAPTURE(tag);
    const std::string number = std::string_view{tag} == "0008,0018"   ? "3"
                               : std::string_view{tag} == "0020,000D" ? "1"
                                                                      : "2";

    SECTION("by keeping")
    {
        settings.tag_changes = {{tag, "keep", false}};
    }
    SECTION("by a constant")
    {
        settings.tag_changes = {{tag, "1.2.752.24.5.111111." + number, false}};
    }

    const auto result = process(phantom::image(), settings, root);

    CHECK(result.report.verdict == Verdict::leaked);
    CHECK_THAT(result.report.reason, Contains("an original UID"));
    CHECK(phantom::tree(root / "out").empty());
}

TEST_CASE("a UID that borrows the root of the standard is mapped like any other")
{
    auto data = phantom::image(
        {"1.2.840.10008.9.19610307.1", "1.2.840.10008.9.19610307.2", "1.2.840.10008.9.19610307.3"});
    Item reference;
    put(reference, text({0x0008, 0x1150}, "UI", "1.2.840.10008.5.1.4.1.1.4"));
    put(reference, text({0x0008, 0x1155}, "UI", "1.2.840.10008.9.19610307.4"));
    put(data, sequence({0x0008, 0x1140}, {reference}));

    const auto result = process(data);

    REQUIRE(result.report.verdict == Verdict::written);
    CHECK(result.bytes.find("19610307") == std::string::npos);
    CHECK(result.value({0x0008, 0x0016}) == "1.2.840.10008.5.1.4.1.1.4");

    const auto short_one = process(phantom::image({"1.2.840.10008.9.1", "1.2.3.4", "1.2.3.5"}));
    CHECK(short_one.report.verdict == Verdict::leaked);
}

TEST_CASE("a birth date in a foreign class UID is found although classes are kept")
{
    auto data = phantom::image();
    Item reference;
    put(reference, text({0x0008, 0x1150}, "UI", "1.2.752.9.19610307.88"));
    put(reference, text({0x0008, 0x1155}, "UI", "1.2.752.9.5"));
    put(data, sequence({0x0008, 0x1140}, {reference}));

    const auto result = process(data);

    CHECK(result.report.verdict == Verdict::leaked);
    CHECK(result.report.reason == "an original date in 0008,1140>0008,1150");
}

TEST_CASE("a name of five letters in kept bytes fails the file, a number across its neighbour too")
{
    auto data = phantom::image();
    put(data, text({0x0010, 0x0010}, "PN", "Olsen^Kari"));

    SECTION("samples")
    {
        put(data, text({0x0028, 0x1201}, "OW", "..OLSEN.A."));
        CHECK(process(data).report.verdict == Verdict::leaked);
    }
    SECTION("a term that claims to be bytes is cleaned as a term")
    {
        put(data, text({0x0018, 0x9004}, "OW", "OLSEN KARI"));
        const auto result = process(data);
        REQUIRE(result.report.verdict == Verdict::written);
        CHECK(result.bytes.find("OLSEN") == std::string::npos);
    }
    SECTION("letters throughout are no numbers of 64 bits")
    {
        for (const auto& [tag, vr] : {std::pair{Tag{0x0072, 0x0081}, Vr{"OV"}},
                                      {Tag{0x0072, 0x0082}, Vr{"SV"}},
                                      {Tag{0x0072, 0x0083}, Vr{"UV"}}}) {
            put(data, text(tag, vr, "HANSEN  "));
        }
        const auto result = process(data);
        REQUIRE(result.report.verdict == Verdict::written);
        CHECK(result.bytes.find("HANSEN") == std::string::npos);
    }
    SECTION("the group of the next element looks like a digit")
    {
        // (0028,1203) is followed by group 0032, whose first byte is a "2".
        put(data, text({0x0028, 0x1203}, "OW", "..ID:77665544"));
        put(data, text({0x0010, 0x0020}, "LO", "77665544"));
        put(data, text({0x0032, 0x1060}, "LO", "MR head"));
        CHECK(process(data).report.verdict == Verdict::leaked);
    }
}

TEST_CASE("a patient called like a term of the standard does not cost the geometry")
{
    auto data = phantom::image();
    put(data, text({0x0010, 0x0010}, "PN", "HFS^First"));
    put(data, text({0x0018, 0x5100}, "CS", "HFS"));
    put(data, text({0x0018, 0x9178}, "CS", "IEC_FIRST_LEVEL"));
    put(data, text({0x0008, 0x0008}, "CS", "ORIGINAL\\PRIMARY\\HFS"));

    const auto result = process(data);

    REQUIRE(result.report.verdict == Verdict::written);
    CHECK(result.value({0x0018, 0x5100}) == "HFS");
    CHECK(result.value({0x0018, 0x9178}) == "IEC_FIRST_LEVEL");
    CHECK(result.value({0x0008, 0x0008}) == "ORIGINAL\\PRIMARY\\");
}

namespace {

/// Four bytes, the highest first.
std::string number(std::size_t value)
{
    std::string bytes;
    for (unsigned shift = 32; shift > 0; shift -= 8) {
        bytes += static_cast<char>(value >> (shift - 8));
    }
    return bytes;
}

std::string wide(std::string_view ascii)
{
    std::string bytes;
    for (const char c : ascii) {
        bytes += '\0';
        bytes += c;
    }
    return bytes;
}

/// A colour profile (ICC.1) with its name in UTF-16 and a white point.
std::string colours(std::string_view name)
{
    constexpr std::size_t start = 128 + 4 + 2 * 12;
    const auto named = "mluc" + number(0) + number(1) + number(12) + "enUS"
                       + number(2 * name.size()) + number(28) + wide(name);
    const std::string white =
        "XYZ " + number(0) + number(0xf6d6) + number(0x10000) + number(0xd32d);
    return std::string(128, '\0') + number(2) + "desc" + number(start) + number(named.size())
           + "wtpt" + number(start + named.size()) + number(white.size()) + named + white;
}

} // namespace

TEST_CASE("a name is a name although the file calls it another kind of text")
{
    const TempDir root;
    auto settings = phantom::settings(root.path);
    const auto* const vr = GENERATE("LO", "SH", "UT", "ST", "LT", "CS", "UN");
    CAPTURE(vr);
    auto data = phantom::image();
    put(data, text({0x0010, 0x0010}, Vr{vr[0], vr[1]}, "HJORTLAND^AASE"));
    put(data, text({0x0008, 0x1050}, Vr{vr[0], vr[1]}, "SKOGHEIM^ODD"));

    SECTION("it is cut from what is cleaned of identifiers only")
    {
        put(data, text({0x0018, 0x1020}, "LO", "E11C HJORTLAND SKOGHEIM"));

        const auto result = process(data, settings, root);

        REQUIRE(result.report.verdict == Verdict::written);
        CHECK(result.value({0x0010, 0x0010}) == "GLI_001");
        CHECK_THAT(result.value({0x0018, 0x1020}), Contains("E11C"));
        CHECK(result.bytes.find("HJORTLAND") == std::string::npos);
        CHECK(result.bytes.find("SKOGHEIM") == std::string::npos);
    }
    SECTION("it is searched for in bytes")
    {
        put(data, text({0x0028, 0x1201}, "OW", "..SKOGHEIM.."));

        CHECK(process(data, settings, root).report.verdict == Verdict::leaked);
    }
    SECTION("no wish of a profile keeps it")
    {
        put(data, text({0x0010, 0x0010}, Vr{vr[0], vr[1]}, "Bo")); // too short to be searched for
        settings.tag_changes = {{"0010,0010", "keep", false}};

        const auto result = process(data, settings, root);

        CHECK(result.report.verdict == Verdict::leaked);
        CHECK_THAT(result.report.reason, Contains("a name of a person"));
    }
}

TEST_CASE("dates and UIDs are what they are although the file calls them texts")
{
    auto data = phantom::image();
    put(data, text({0x0008, 0x0020}, "LO", "20240120"));
    put(data, text({0x0020, 0x000e}, "LO", "1.2.752.24.5.111111.2"));

    SECTION("they are moved and mapped")
    {
        const auto result = process(data);

        REQUIRE(result.report.verdict == Verdict::written);
        CHECK(result.value({0x0008, 0x0020}).size() == 8);
        CHECK(result.value({0x0008, 0x0020}) != "20240120");
        CHECK(result.value({0x0020, 0x000e}).starts_with("2.25."));
    }
    SECTION("and searched for")
    {
        const auto* const kept = GENERATE("..20240120..", "..1.2.752.24.5.111111.2..");
        put(data, text({0x0028, 0x1201}, "OW", kept));

        CHECK(process(data).report.verdict == Verdict::leaked);
    }
}

TEST_CASE("the serial number of a device is searched for, a number that is none is not")
{
    auto data = phantom::image();

    SECTION("in a text that is cleaned of identifiers")
    {
        put(data, text({0x0018, 0x1000}, "LO", "182936"));
        put(data, text({0x0018, 0x1020}, "LO", "E11C SN182936"));

        const auto result = process(data);

        REQUIRE(result.report.verdict == Verdict::written);
        CHECK_THAT(result.value({0x0018, 0x1020}), Contains("E11C"));
        CHECK(result.bytes.find("182936") == std::string::npos);
    }
    SECTION("a colour profile keeps its numbers only")
    {
        put(data, text({0x0018, 0x1000}, "LO", "182936"));
        put(data, text({0x0028, 0x2000}, "OB", colours("Scanner 182936")));

        const auto result = process(data);

        REQUIRE(result.report.verdict == Verdict::written);
        CHECK(result.bytes.find(wide("182936")) == std::string::npos);
        CHECK_THAT(result.value({0x0028, 0x2000}), Contains("wtpt"));
    }
    SECTION("a colour profile that cannot be read goes")
    {
        put(data, text({0x0028, 0x2000}, "OB", "Scanner 182936"));

        const auto result = process(data);

        REQUIRE(result.report.verdict == Verdict::written);
        CHECK(result.value({0x0028, 0x2000}) == "(absent)");
    }
    SECTION("what tells no device from another stays")
    {
        const auto* const serial = GENERATE("0", "1", "SN", "000000", "1.5T", "Skyra", "111111");
        CAPTURE(serial);
        put(data, text({0x0018, 0x1000}, "LO", serial));
        put(data, text({0x0018, 0x1020}, "LO", std::string{"E11C "} + serial));
        put(data, text({0x0028, 0x1201}, "OW", std::string{".."} + serial));

        const auto result = process(data);

        REQUIRE(result.report.verdict == Verdict::written);
        CHECK(result.value({0x0018, 0x1020}) == std::string{"E11C "} + serial);
    }
}

TEST_CASE("an identifier in UTF-16 is found in bytes that are kept")
{
    auto data = phantom::image();
    put(data, text({0x0010, 0x0010}, "PN", "Hjortland^Aase"));
    const auto bytes = GENERATE(as<std::string>{}, "..", ".", "\1\0\2");
    put(data, text({0x0028, 0x1201}, "OW", bytes + wide("by HJORTLAND") + std::string(4, '\0')));

    const auto result = process(data);

    CHECK(result.report.verdict == Verdict::leaked);
    CHECK(result.report.reason == "a part of a name in 0028,1201");
}
