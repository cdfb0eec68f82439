// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/dicom/element_text.h"
#include "libfiona/dicom/header.h"
#include "libfiona/dicom/library.h"
#include "libfiona/store/atomic_file.h"
#include "tests/support/hostile_file.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/ingest/phantom_file.h"

#include <catch2/catch.hpp>
#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dctk.h>

using namespace fiona;
using Values = std::vector<std::string>;

namespace {

/// A file with what write_image() cannot make: binary values, private blocks, sequences.
dicom::Header header_with(const std::function<void(DcmDataset&)>& change)
{
    static const TempDir scratch; // large values stay in the file
    const auto file = scratch / "image";
    std::filesystem::remove(file);
    write_image(file, {{"0008,0018", "1.2.3"}, {"0020,000e", "1.2.4"}});
    DcmFileFormat format;
    REQUIRE(format.loadFile(file.c_str()).good());
    change(*format.getDataset());
    REQUIRE(format.saveFile(file.c_str(), EXS_LittleEndianExplicit).good());
    return dicom::Header::read(file);
}

} // namespace

TEST_CASE("values keep their digits and lose their padding")
{
    const auto header = header_with([](DcmDataset& set) {
        set.putAndInsertString(DCM_EchoTime, " 2.50 ");
        set.putAndInsertString(DCM_InstanceNumber, "005");
        set.putAndInsertFloat64(DCM_DiffusionBValue, 1000.0);
        set.putAndInsertString(DCM_ImageComments, " two\\words ");
        set.putAndInsertString(DCM_AccessionNumber, "");
        set.putAndInsertTagKey(DCM_FrameIncrementPointer, DCM_FrameTime);
    });

    CHECK(header.values({0x0018, 0x0081}) == Values{"2.50"});
    CHECK(header.values({0x0020, 0x0013}) == Values{"005"});
    CHECK(header.values({0x0018, 0x1310}) == Values{"0", "256", "256", "0"});
    CHECK(header.values({0x0018, 0x9087}) == Values{"1000.0"});
    CHECK(header.values({0x0020, 0x4000}) == Values{" two\\words"});
    CHECK(header.values({0x0028, 0x0009}) == Values{"(0018,1063)"});
    CHECK(header.values({0x0008, 0x0050}) == Values{});
    CHECK_FALSE(header.values({0x0008, 0x9999}).has_value());
    CHECK(header.text({0x0008, 0x0008}) == "ORIGINAL\\PRIMARY\\M\\ND");
    CHECK(header.vr({0x0010, 0x0010}) == "PN");
    CHECK(header.meta_text({0x0002, 0x0010}) == UID_LittleEndianExplicitTransferSyntax);
}

TEST_CASE("a UID behind the pixels is found")
{
    const TempDir scratch;
    const raw::Ids ids;
    const auto data = hostile::DataSet{ids}
                          .drop(0x0020000d)
                          .put_bytes(0x7fe10010, raw::element(0x0020000d, "UI", ids.study))
                          .bytes();
    store::write_file(scratch / "image", hostile::file(hostile::Meta{ids}.bytes(), data));

    const auto header = dicom::Header::read(scratch / "image");

    CHECK(header.text({0x0020, 0x000d}) == ids.study);
    CHECK(header.text({0x0010, 0x0020}) == "PHANTOM 1");
}

TEST_CASE("pixels are never read")
{
    const auto header = header_with([](DcmDataset&) {});

    CHECK_FALSE(header.has({0x7fe0, 0x0010}));
    CHECK(header.has({0x0028, 0x0010}));
}

TEST_CASE("private elements are found by their creator in any block")
{
    const auto header = header_with([](DcmDataset& set) {
        set.putAndInsertString(DcmTag{0x0019, 0x0010, EVR_LO}, "SOMEBODY ELSE");
        set.putAndInsertString(DcmTag{0x0019, 0x0023, EVR_LO}, "GEMS_ACQU_01 ");
        set.putAndInsertString(DcmTag{0x0019, 0x109c, EVR_LO}, "wrong");
        set.putAndInsertString(DcmTag{0x0019, 0x239c, EVR_LO}, "3dfse");
        constexpr std::array<Uint8, 6> text{'a', 'b', 'c', ' ', 0, 0};
        constexpr std::array<Uint8, 4> noise{1, 2, 0xff, 0};
        set.putAndInsertUint8Array(DcmTag{0x0019, 0x235a, EVR_OB}, text.data(), text.size());
        set.putAndInsertUint8Array(DcmTag{0x0019, 0x23bb, EVR_OB}, noise.data(), noise.size());
    });

    CHECK(header.values_at({{{0x0019, 0x9c}, "GEMS_ACQU_01"}}) == Values{"3dfse"});
    CHECK(header.values_at({{{0x0019, 0x5a}, "GEMS_ACQU_01"}}) == Values{"abc"});
    CHECK(header.values_at({{{0x0019, 0xbb}, "GEMS_ACQU_01"}}) == Values{});
    CHECK_FALSE(header.values_at({{{0x0019, 0x9c}, "GEMS_PARM_01"}}).has_value());
}

TEST_CASE("a nested value obeys the character set of its item")
{
    const auto header = header_with([](DcmDataset& set) {
        set.putAndInsertString(DCM_SpecificCharacterSet, "ISO_IR 100");
        DcmItem* item = nullptr;
        set.findOrCreateSequenceItem(DCM_RequestAttributesSequence, item, -2);
        item->putAndInsertString(DCM_RequestedProcedureDescription, "r\xf8ntgen");
        set.findOrCreateSequenceItem(DCM_ReferencedStudySequence, item, -2);
        item->putAndInsertString(DCM_SpecificCharacterSet, "ISO_IR 192");
        item->putAndInsertString(DCM_StudyDescription, "b\xc3\xa5t");
    });

    CHECK(header.values_at({{{0x0040, 0x0275}}, {{0x0032, 0x1060}}}) == Values{"røntgen"});
    CHECK(header.values_at({{{0x0008, 0x1110}}, {{0x0008, 0x1030}}}) == Values{"båt"});
    CHECK_FALSE(header.values_at({{{0x0008, 0x1111}}, {{0x0008, 0x1030}}}).has_value());
    CHECK(header.guessed_texts() == 0);
}

TEST_CASE("a path leads to any item of a sequence, through private sequences too")
{
    const auto header = header_with([](DcmDataset& set) {
        for (const auto* const time : {"10", "20", "30"}) {
            DcmItem* frame = nullptr;
            set.findOrCreateSequenceItem(DCM_PerFrameFunctionalGroupsSequence, frame, -2);
            if (std::string_view{time} == "20") {
                continue; // this one has no echo time
            }
            DcmItem* echo = nullptr;
            frame->findOrCreateSequenceItem(DCM_MREchoSequence, echo, -2);
            echo->putAndInsertFloat64(DCM_EffectiveEchoTime, std::stod(time));
            frame->putAndInsertString(DcmTag{0x0021, 0x0011, EVR_LO}, "SIEMENS MR SDI 02");
            auto inner = std::make_unique<DcmItem>();
            inner->putAndInsertString(DcmTag{0x0021, 0x0012, EVR_LO}, "SIEMENS MR SDI 02");
            inner->putAndInsertString(DcmTag{0x0021, 0x121c, EVR_IS}, time);
            auto sequence = std::make_unique<DcmSequenceOfItems>(DcmTag{0x0021, 0x11fe, EVR_SQ});
            REQUIRE(sequence->append(inner.release()).good());
            REQUIRE(frame->insert(sequence.release()).good());
        }
    });
    constexpr dicom::Tag frames{0x5200, 0x9230};
    constexpr dicom::Tag echoes{0x0018, 0x9114};
    constexpr dicom::Tag time{0x0018, 0x9082};
    constexpr auto creator = "SIEMENS MR SDI 02";

    CHECK(header.values_at({{frames, {}, 2}, {echoes}, {time}}) == Values{"30.0"});
    CHECK_FALSE(header.values_at({{frames, {}, 1}, {echoes}, {time}}).has_value());
    CHECK_FALSE(header.values_at({{frames, {}, 3}, {echoes}, {time}}).has_value());
    CHECK_FALSE(header.values_at({{frames}, {echoes}, {time}, {time}}).has_value());
    CHECK_FALSE(header.values_at({}).has_value());
    CHECK(header.values_at({{frames, {}, 2}, {{0x0021, 0xfe}, creator}, {{0x0021, 0x1c}, creator}})
          == Values{"30"});
    CHECK(header.values_in_items(frames, {{echoes}, {time}})
          == std::vector<Values>{{"10.0"}, {}, {"30.0"}});
    CHECK(header.values_in_items(echoes, {{time}}).empty());
}

TEST_CASE("bytes are given as they are in the file, large ones too")
{
    const std::vector<Uint8> large(100'001, 0x5a);
    const auto header = header_with([&](DcmDataset& set) {
        set.putAndInsertString(DcmTag{0x0029, 0x0010, EVR_LO}, "SIEMENS CSA HEADER");
        set.putAndInsertUint8Array(DcmTag{0x0029, 0x1010, EVR_OB}, large.data(), 100'001);
        constexpr std::array<Uint8, 2> small{0xff, 0};
        auto unknown = std::make_unique<DcmOtherByteOtherWord>(DcmTag{0x0029, 0x1011, EVR_UN});
        REQUIRE(unknown->putUint8Array(small.data(), 2).good());
        REQUIRE(set.insert(unknown.release()).good());
        set.putAndInsertUint8Array(DcmTag{0x0029, 0x1012, EVR_OB}, small.data(), 0);
        set.putAndInsertString(DcmTag{0x0029, 0x1013, EVR_LT}, "text");
    });
    const auto bytes = [&](std::uint16_t element) {
        return header.bytes_at({{{0x0029, element}, "SIEMENS CSA HEADER"}});
    };

    REQUIRE(bytes(0x10).has_value());
    CHECK(bytes(0x10)->size() == 100'002); // padded to an even length
    CHECK(bytes(0x10)->front() == std::byte{0x5a});
    CHECK(bytes(0x10)->data() == bytes(0x10)->data());
    REQUIRE(bytes(0x11).has_value());
    CHECK(bytes(0x11)->front() == std::byte{0xff});
    CHECK_FALSE(bytes(0x12).has_value());
    CHECK(bytes(0x13)->size() == 4);
    CHECK_FALSE(bytes(0x14).has_value());
    CHECK_FALSE(header.bytes_at({{{0x0029, 0x10}, "SOMEBODY ELSE"}}).has_value());
    CHECK_FALSE(header.bytes_at({{{0x0018, 0x1310}}}).has_value()); // US
}

TEST_CASE("a value that stayed in the file cannot be read any more when the file has shrunk")
{
    const TempDir scratch;
    write_image(scratch / "image", {{"0008,0018", "1.2.3"}, {"0020,000e", "1.2.4"}});
    DcmFileFormat format;
    REQUIRE(format.loadFile((scratch / "image").c_str()).good());
    const std::vector<Uint8> large(100'000, 1);
    format.getDataset()->putAndInsertUint8Array(DcmTag{0x0029, 0x1010, EVR_OB}, large.data(),
                                                100'000);
    REQUIRE(format.saveFile((scratch / "image").c_str(), EXS_LittleEndianExplicit).good());
    const auto header = dicom::Header::read(scratch / "image");
    std::filesystem::resize_file(scratch / "image", 2000);

    try {
        static_cast<void>(header.bytes_at({{{0x0029, 0x1010}}}));
        FAIL("it was read");
    } catch (const Error& e) {
        CHECK(e.fault() == Fault::io);
    }
}

TEST_CASE("keywords are those of the dictionary")
{
    CHECK(dicom::Header::tag_of("ImageType") == dicom::Tag{0x0008, 0x0008});
    CHECK_FALSE(dicom::Header::tag_of("NoSuchKeyword").has_value());
    CHECK_FALSE(dicom::Header::tag_of("").has_value());
}

TEST_CASE("what is no DICOM file is refused as data")
{
    const TempDir scratch;
    const auto* const content = GENERATE("", "x", "just some text that is no image");
    store::write_file(scratch / "file", content);

    try {
        static_cast<void>(dicom::Header::read(scratch / "file"));
        FAIL("it was read");
    } catch (const Error& e) {
        CHECK(e.fault() == Fault::data);
    }
}

TEST_CASE("floats are written as Python writes them")
{
    CHECK(dicom::python_float(1.0) == "1.0");
    CHECK(dicom::python_float(0.5) == "0.5");
    CHECK(dicom::python_float(1e-5) == "1e-05");
    CHECK(dicom::python_float(1e16) == "1e+16");
    CHECK(dicom::python_float(static_cast<double>(0.1F)) == "0.10000000149011612");
}
