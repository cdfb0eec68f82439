// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/dicom/prescan.h"
#include "tests/support/cpu_time.h"
#include "tests/support/forked_child.h"
#include "tests/support/memory_of.h"
#include "tests/support/shared_data.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/dicom_prescan/part10.h"

#include <catch2/catch.hpp>

#include <filesystem>
#include <fstream>

using namespace fiona;
using namespace part10;
using Catch::Matchers::Contains;
namespace fs = std::filesystem;

namespace {

/// Why the pre-scan refuses these bytes; "" if it takes them.
std::string refusal(const std::string& bytes)
{
    try {
        static_cast<void>(scan(bytes));
        return "";
    } catch (const Error& e) {
        CHECK(e.fault() == Fault::data);
        return e.what();
    }
}

const raw::Ids ids;
const std::string plain = raw::data_set(ids, 64);

} // namespace

TEST_CASE("the pre-scan finds the UIDs, the syntax and the places of a good file")
{
    const auto bytes = file(plain);

    const auto result = scan(bytes);

    CHECK(result.transfer_syntax == raw::explicit_little);
    CHECK(result.sop_class == ids.sop_class);
    CHECK(result.sop_instance == ids.sop);
    CHECK(result.study == ids.study);
    CHECK(result.series == ids.series);
    CHECK(result.meta_sop_class == ids.sop_class);
    CHECK(result.meta_sop_instance == ids.sop);
    CHECK(result.file_bytes == bytes.size());
    CHECK(bytes.substr(result.data_set_offset) == plain);
    CHECK(result.pixel_data_offset == bytes.find(raw::tag(0x7fe00010)));
    CHECK(result.deepest == 0);
}

TEST_CASE("every coding of the standard is read")
{
    for (const auto& seed : seeds()) {
        const auto result = scan(seed);
        CHECK(result.sop_class == ids.sop_class);
        CHECK(result.study == ids.study);
        CHECK(result.series == ids.series);
    }
}

TEST_CASE("sequences may be 64 deep and no deeper, however they are written")
{
    CHECK(scan(file(plain + nested_undefined(64))).deepest == 64);
    CHECK(scan(file(plain + nested_defined(64))).deepest == 64);
    CHECK(scan(file(nested_implicit(64), implicit_little)).deepest == 64);
    CHECK_THAT(refusal(file(plain + nested_undefined(65))), Contains("too deep"));
    CHECK_THAT(refusal(file(plain + nested_undefined(20'000))), Contains("too deep"));
    CHECK_THAT(refusal(file(plain + nested_undefined(100'000))), Contains("too deep"));
    CHECK_THAT(refusal(file(plain + nested_defined(65))), Contains("too deep"));
    CHECK_THAT(refusal(file(nested_implicit(65), implicit_little)), Contains("too deep"));
}

TEST_CASE("a private sequence of implicit VR is found where DCMTK's dictionary knows its creator")
{
    // (0009,xx40) of this creator is a sequence in DCMTK's private dictionary.
    const auto creator = raw::implicit(0x00090014, "CARDIO-D.R. 1.0 ");
    const auto sequence_of = [&](const std::string& inside) {
        return creator + raw::implicit(0x00091440, inside);
    };

    CHECK(scan(file(sequence_of(item(0)), implicit_little)).deepest == 1);
    CHECK_THAT(refusal(file(sequence_of("no item here"), implicit_little)),
               Contains("neither item"));
    // Without its creator it is a value like any other.
    CHECK(scan(file(raw::implicit(0x00091440, "no item here"), implicit_little)).deepest == 0);
}

TEST_CASE("a length that lies is refused")
{
    const auto huge = raw::tag(0x7fe00010) + "OW" + raw::little(0, 2);
    const auto bytes = GENERATE_COPY(
        huge + raw::little(0xfffffffe, 4), huge + raw::little(0x80000000, 4),
        raw::tag(0x00100010) + "PN" + raw::little(0xffff, 2) + "x",
        sequence(0x0040a730, 100) + item(0), sequence(0x0040a730, 8) + item(20) + "12345678",
        sequence(0x0040a730, 16) + item(8) + raw::element(0x00080060, "CS", "MORE THAN EIGHT"),
        std::string{"\x08"});

    CHECK(refusal(file(plain + bytes)) != "");
}

TEST_CASE("broken framing is refused")
{
    const auto bytes = GENERATE_COPY(
        item(0), item_end, sequence_end, sequence(0x0040a730, undefined),
        sequence(0x0040a730, undefined) + item(undefined),
        sequence(0x0040a730, undefined) + raw::element(0x00080060, "CS", "OT") + sequence_end,
        sequence(0x0040a730, undefined) + item(undefined) + raw::tag(0xfffee00d) + raw::little(4, 4)
            + "abcd" + sequence_end,
        sequence(0x0040a730, undefined) + item(0) + raw::tag(0xfffee0dd) + raw::little(2, 4),
        sequence(0x00081030, undefined, "UT"), sequence(0x7fe00010, undefined, "OB") + "garbage!",
        raw::element(0x00020010, "UI", "1.2.840.10008.1.2"), raw::implicit(0x00000002, "1.2 "));

    CHECK(refusal(file(plain + bytes)) != "");
}

TEST_CASE("illegal letters of a value representation are refused, unknown ones are long")
{
    const auto with = [](const std::string& vr) {
        return raw::tag(0x00091001) + vr + raw::little(0, 2) + raw::little(4, 4) + "abcd";
    };
    CHECK(refusal(file(plain + with("QQ"))).empty()); // PS3.5 §7.1.2: all new ones are long
    for (const auto* const vr : {"  ", "1A", "us", "??", "\xff\xff"}) {
        CAPTURE(vr);
        CHECK_THAT(refusal(file(plain + with(vr))), Contains("value representation"));
    }
    CHECK(refusal(file(plain + with(std::string(2, '\0')))) != "");
}

TEST_CASE("what scanners and archives do wrong is tolerated")
{
    SECTION("the first of repeated elements counts, and order does not")
    {
        const auto twice = raw::element(0x0020000d, "UI", "1.2.3")
                           + raw::element(0x00080018, "UI", "1.2.4")
                           + raw::element(0x0020000d, "UI", "9.9.9");
        CHECK(scan(file(twice)).study == "1.2.3");
        CHECK(scan(file(twice)).sop_instance == "1.2.4");
    }
    SECTION("a UID inside a sequence is none of the object's")
    {
        const auto inner = raw::element(0x0020000d, "UI", "9.9.9");
        const auto nested = sequence(0x00081110, undefined)
                            + item(static_cast<std::uint32_t>(inner.size())) + inner + sequence_end;
        CHECK(scan(file(nested + plain)).study == ids.study);
        CHECK(scan(file(nested)).study.empty());
    }
    SECTION("trailing padding")
    {
        CHECK(scan(file(plain + raw::element(0xfffcfffc, "OB", std::string(100, '\0')))).study
              == ids.study);
    }
    SECTION("odd lengths")
    {
        CHECK(refusal(file(plain + raw::tag(0x00091001) + "UN" + raw::little(0, 2)
                           + raw::little(3, 4) + "abc"))
                  .empty());
    }
}

TEST_CASE("meta headers that are missing, cut, contradictory or endless are refused")
{
    CHECK(refusal("") != "");
    CHECK(refusal("x") != "");
    CHECK_THAT(refusal(std::string(132, '\0')), Contains("no preamble"));
    CHECK_THAT(refusal(std::string(128, '\0') + "DICM"), Contains("no meta header"));
    CHECK_THAT(refusal("<html><body>" + std::string(500, ' ')), Contains("no preamble"));
    CHECK_THAT(
        refusal(std::string(128, '\0') + "DICM" + raw::element(0x00020003, "UI", "1.2.3") + plain),
        Contains("no transfer syntax"));
    CHECK_THAT(refusal(file(plain, "1.2.3.4.5")), Contains("unknown transfer syntax"));
    auto wrong_length = file(plain);
    wrong_length[128 + 4 + 8] = static_cast<char>(wrong_length[128 + 4 + 8] + 2);
    CHECK_THAT(refusal(wrong_length), Contains("another length"));
    CHECK_THAT(refusal(std::string(128, '\0') + "DICM" + raw::element(0x00020010, "UI", "1.2")
                       + raw::tag(0x00020102) + "OB" + raw::little(0, 2) + raw::little(2U << 20U, 4)
                       + std::string(2U << 20U, 'x') + plain),
               Contains("too long"));
    CHECK(refusal(file("")).empty()); // an empty data set is well formed; the UIDs are missing
}

TEST_CASE("a preamble may hold anything")
{
    auto bytes = file(plain);
    bytes.replace(0, 2, "MZ");
    CHECK(scan(bytes).study == ids.study);
}

TEST_CASE("a deflated data set is walked without being held, and a bomb is refused")
{
    const auto pixels = [](std::size_t count) {
        return plain.substr(0, plain.find(raw::tag(0x7fe00010)))
               + raw::element(0x7fe00010, "OB", std::string(count, '\0'));
    };
    const auto whole = deflate(plain);
    CHECK(scan(file(whole, deflated)).series == ids.series);
    CHECK_FALSE(scan(file(whole, deflated)).pixel_data_offset);
    CHECK(scan(file(deflate(pixels(8'000'000)), deflated)).study == ids.study); // black, 1:1000
    CHECK(scan(file(whole + '\0', deflated)).study == ids.study);
    CHECK(refusal(file(whole.substr(0, whole.size() - 4), deflated)) != "");
    CHECK(refusal(file(whole + whole, deflated)) != "");
    CHECK(refusal(file(plain, deflated)) != "");

    const auto bomb = file(deflate(pixels(200'000'000)), deflated);
    const CpuTime work;
    CHECK_THAT(refusal(bomb), Contains("beyond all measure"));
    CHECK(work.seconds() < 2);
}

TEST_CASE("what says that it is large is refused in sixteen megabytes of memory")
{
    const TempDir directory;
    const auto path = directory / "large.dcm";
    const auto head = plain.substr(0, plain.find(raw::tag(0x7fe00010)));
    std::string reason;
    std::size_t more = 0; // bytes of nothing behind it
    SECTION("a deflated bomb of 200 MB")
    {
        std::ofstream{path, std::ios::binary}
            << file(deflate(head + raw::element(0x7fe00010, "OB", std::string(200'000'000, '\0'))),
                    deflated);
        reason = "beyond all measure";
    }
    SECTION("a value of a gigabyte in the meta header")
    {
        more = std::size_t{1} << 30U;
        std::ofstream{path, std::ios::binary}
            << std::string(128, '\0') + "DICM" + raw::element(0x00020010, "UI", "1.2")
                   + raw::tag(0x00020102) + "OB" + raw::little(0, 2) + raw::little(more, 4);
        reason = "too long";
    }
    fs::resize_file(path, fs::file_size(path) + more);

    ForkedChild child{[&] {
        limit_memory(::getpid(), 16);
        try {
            static_cast<void>(dicom::prescan_file(path));
        } catch (const Error& e) {
            ::_exit(std::string_view{e.what()}.find(reason) == std::string_view::npos ? 2 : 0);
        }
        ::_exit(3);
    }};

    CHECK(child.wait() == 0);
}

TEST_CASE("a million elements and a file of four gigabytes of nothing take no time to speak of")
{
    std::string many = plain;
    for (unsigned i = 0; i < 1'000'000; ++i) {
        const auto group = 0x7fe3 + 2 * (i / 60'000);
        many += raw::tag(group << 16U | (0x1000 + i % 60'000)) + "US" + raw::little(2, 2) + "ab";
    }
    const CpuTime work;
    CHECK(scan(file(many)).study == ids.study);
    const TempDir directory;
    const auto sparse = directory / "sparse.dcm";
    std::ofstream{sparse, std::ios::binary} << file(plain) << raw::tag(0x7fe10010) << "OB"
                                            << raw::little(0, 2) << raw::little(0xfffffff0, 4);
    fs::resize_file(sparse, fs::file_size(sparse) + 0xfffffff0U);
    CHECK(dicom::prescan_file(sparse).study == ids.study);
    CHECK(work.seconds() < 60); // what grows with the square of a million would take hours
}

TEST_CASE(
    "elements out of order and private creators are refused when they would cost DCMTK minutes")
{
    const auto elements = [](std::uint32_t first, std::uint32_t count, bool is_reversed) {
        std::string bytes;
        for (std::uint32_t i = 0; i < count; ++i) {
            const auto number = is_reversed ? count - 1 - i : i;
            bytes += hostile::short_header(first + number, "LO", 0);
        }
        return bytes;
    };
    const auto plain = raw::data_set({}, 16);
    std::string creators;
    for (std::uint32_t group = 0x7fe3; group < 0x7fe3 + 2 * 40; group += 2) {
        creators += elements(group << 16U | 0x10, 240, false);
    }

    // So much disorder, and so many creators, cost milliseconds.
    CHECK_NOTHROW(scan(file(plain + elements(0x7fe11000, 1000, true))));
    CHECK_NOTHROW(scan(file(plain + creators + elements(0x80011000, 1000, false))));
    CHECK_THAT(refusal(file(plain + elements(0x7fe11000, 30'000, true))), Contains("out of order"));
    CHECK_THAT(refusal(file(plain + creators + elements(0x80011000, 30'000, false))),
               Contains("private creators"));
}

TEST_CASE("what is no regular file is refused, and what is not there is missing")
{
    const TempDir directory;
    CHECK_THROWS_AS(dicom::prescan_file(directory.path), Error);
    try {
        static_cast<void>(dicom::prescan_file(directory / "nothing"));
        FAIL("found nothing");
    } catch (const Error& e) {
        CHECK(e.fault() == Fault::missing);
    }
}

TEST_CASE("the errors of the pre-scan hold no value of the header")
{
    const auto text = refusal(file(plain.substr(0, plain.size() - 10)));
    CHECK_THAT(text, !Contains("Phantom") && !Contains(ids.sop) && Contains("byte"));
}

TEST_CASE("every readable file of the test data passes")
{
    const auto data = shared_data();
    if (!data) {
        return;
    }
    unsigned passed = 0;
    for (const auto& entry : fs::recursive_directory_iterator{*data}) {
        if (!entry.is_regular_file()) {
            continue;
        }
        try {
            static_cast<void>(dicom::prescan_file(entry.path()));
            ++passed;
        } catch (const Error& e) {
            INFO(entry.path() << ": " << e.what());
            const auto parent = entry.path().parent_path().filename();
            const bool has_preamble =
                std::string_view{e.what()}.find("no preamble") == std::string_view::npos;
            // DICOMDIR-nooffset: its last item is longer than the file.
            CHECK((!has_preamble || parent == "broken"
                   || entry.path().filename() == "DICOMDIR-nooffset"));
        }
    }
    CHECK(passed > 700);
}
