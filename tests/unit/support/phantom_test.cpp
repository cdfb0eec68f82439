// SPDX-License-Identifier: MIT
#include "libfiona/base/files.h"
#include "libfiona/dicom/library.h"
#include "tests/support/phantom.h"
#include "tests/support/run_tool.h"
#include "tests/support/temp_dir.h"

#include <catch2/catch.hpp>
#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dcrledrg.h>
#include <dcmtk/dcmdata/dctk.h>
#include <dcmtk/dcmjpeg/djdecode.h>
#include <dcmtk/dcmjpls/djdecode.h>
#include <dcmtk/dcmsr/dsrdoc.h>

#include <set>

namespace fs = std::filesystem;
using Catch::Matchers::Contains;

namespace {

const phantom::Patient jane{"DOE^JANE", "PAT-1001", "19700102", "F"};
const phantom::Patient bjorn{"Åsløkken^Bjørn", "PAT-1002", "19580217", "M"};

struct Decoders {
    Decoders()
    {
        DcmRLEDecoderRegistration::registerCodecs();
        DJDecoderRegistration::registerCodecs();
        DJLSDecoderRegistration::registerCodecs();
    }
    Decoders(const Decoders&) = delete;
    Decoders& operator=(const Decoders&) = delete;
    ~Decoders()
    {
        DJLSDecoderRegistration::cleanup();
        DJDecoderRegistration::cleanup();
        DcmRLEDecoderRegistration::cleanup();
    }
};

struct Loaded {
    DcmFileFormat format;

    explicit Loaded(const fs::path& file)
    {
        const fiona::dicom::Library library;
        REQUIRE(format.loadFile(file.c_str()).good());
    }
    DcmDataset& data() { return *format.getDataset(); }
    std::string text(const DcmTagKey& tag)
    {
        OFString value;
        data().findAndGetOFStringArray(tag, value);
        return value.c_str();
    }
};

std::vector<std::uint16_t> decoded_words(const fs::path& file)
{
    static const Decoders decoders;
    Loaded loaded{file};
    REQUIRE(loaded.data().chooseRepresentation(EXS_LittleEndianExplicit, nullptr).good());
    const Uint16* words = nullptr;
    unsigned long count = 0;
    REQUIRE(loaded.data().findAndGetUint16Array(DCM_PixelData, words, &count).good());
    return {words, words + count};
}

phantom::Study full_study(const phantom::Patient& patient, unsigned seed)
{
    phantom::Study study{patient, seed};
    study.add_mr_series({.description = "t1", .images = 2})
        .add_ct_series()
        .add_us_with_text({.frames = 2, .rows = 120, .columns = 160})
        .add_secondary_capture()
        .add_structured_report()
        .add_presentation_state();
    return study;
}

} // namespace

TEST_CASE("a study has the objects that were added, in order")
{
    const TempDir directory;
    const auto study = full_study(jane, 1);

    const auto files = study.write_to(directory / "out");

    REQUIRE(files.size() == study.object_count());
    std::vector<std::string> modalities;
    for (std::size_t i = 0; i < files.size(); ++i) {
        Loaded object{files[i]};
        modalities.push_back(object.text(DCM_Modality));
        CHECK(object.text(DCM_StudyInstanceUID) == study.uid());
        CHECK(object.text(DCM_SOPInstanceUID) == study.sop_instance_uids()[i]);
        CHECK(object.text(DCM_PatientName) == jane.name);
    }
    CHECK(modalities == std::vector<std::string>{"MR", "MR", "CT", "US", "OT", "SR", "PR"});
    CHECK(study.series_uids().size() == 6);
}

TEST_CASE("the same seed makes the same bytes, another seed other UIDs")
{
    const TempDir directory;

    const auto once = full_study(jane, 7).write_to(directory / "once");
    const auto again = full_study(jane, 7).write_to(directory / "again");

    for (std::size_t i = 0; i < once.size(); ++i) {
        CHECK(fiona::read_file(once[i]) == fiona::read_file(again[i]));
    }
    CHECK(full_study(jane, 8).uid() != full_study(jane, 7).uid());
    CHECK_THAT(phantom::uid(1, "x"), Catch::Matchers::StartsWith("1.2.826.0.1.3680043.10.999."));
    CHECK(phantom::uid(1, "x").size() <= 64);
}

TEST_CASE("every object of a phantom holds every kind of identity")
{
    const TempDir directory;
    const auto study = full_study(bjorn, 3);
    const auto files = study.write_to(directory.path);
    const auto identity = study.identity();

    for (const auto& file : files) {
        CAPTURE(file);
        std::set<std::string> kinds;
        for (const auto& leak : leak_scan({file}, identity)) {
            kinds.insert(leak.kind);
        }
        CHECK(kinds.size() == identity.size());
    }
}

TEST_CASE("each single value of the identity is in the study: none is looked for in vain")
{
    const TempDir directory;
    const auto study = full_study(bjorn, 3);
    study.write_to(directory.path);
    const std::set<std::string> other_spellings{"1958-02-17", "17.02.1958"};

    for (const auto& [kind, values] : study.identity()) {
        for (const auto& value : values) {
            CAPTURE(kind, value);
            CHECK(leak_scan({directory.path}, {{kind, {value}}}).empty()
                  == other_spellings.contains(value));
        }
    }
}

TEST_CASE("the name is written in the character set of the study")
{
    const TempDir directory;
    const phantom::Patient zaneta{"Wójtyńska^Żaneta", "PAT-1003", "19830904", "F"};
    const auto name_and_set = [&](const phantom::Study& study, const char* where) {
        Loaded object{study.write_to(directory / where).at(0)};
        return std::pair{object.text(DCM_SpecificCharacterSet), object.text(DCM_PatientName)};
    };

    phantom::Study plain{jane, 1};
    phantom::Study latin{bjorn, 2};
    phantom::Study utf8{bjorn, 3, phantom::Charset::utf8};
    phantom::Study wide{zaneta, 4};

    CHECK(name_and_set(plain.add_ct_series(), "a")
          == std::pair<std::string, std::string>{"", "DOE^JANE"});
    CHECK(name_and_set(latin.add_ct_series(), "b")
          == std::pair<std::string, std::string>{"ISO_IR 100", "\xc5sl\xf8kken^Bj\xf8rn"});
    CHECK(name_and_set(utf8.add_ct_series(), "c")
          == std::pair<std::string, std::string>{"ISO_IR 192", bjorn.name});
    CHECK(name_and_set(wide.add_ct_series(), "d")
          == std::pair<std::string, std::string>{"ISO_IR 192", zaneta.name});
}

TEST_CASE("pixels are the same in every transfer syntax")
{
    using enum phantom::TransferSyntax;
    const auto [syntax, uid] = GENERATE(table<phantom::TransferSyntax, std::string>(
        {{explicit_little_endian, "1.2.840.10008.1.2.1"},
         {implicit_little_endian, "1.2.840.10008.1.2"},
         {explicit_big_endian, "1.2.840.10008.1.2.2"},
         {deflated, "1.2.840.10008.1.2.1.99"},
         {rle, "1.2.840.10008.1.2.5"},
         {jpeg_lossless, "1.2.840.10008.1.2.4.70"},
         {jpeg_ls_lossless, "1.2.840.10008.1.2.4.80"}}));
    const TempDir directory;
    phantom::Study reference{jane, 1};
    phantom::Study study{jane, 1};
    reference.add_mr_series();
    study.add_mr_series({.transfer_syntax = syntax});

    const auto expected = decoded_words(reference.write_to(directory / "a").at(0));
    const auto file = study.write_to(directory / "b").at(0);

    CHECK(decoded_words(file) == expected);
    OFString written;
    Loaded{file}.format.getMetaInfo()->findAndGetOFString(DCM_TransferSyntaxUID, written);
    CHECK(written.c_str() == uid);
}

TEST_CASE("text is burned into every frame where the study says")
{
    const TempDir directory;
    phantom::Study study{jane, 1};
    study.add_us_with_text({.frames = 2, .rows = 240, .columns = 320});
    Loaded object{study.write_to(directory.path).at(0)};
    const Uint8* bytes = nullptr;
    REQUIRE(object.data().findAndGetUint8Array(DCM_PixelData, bytes).good());

    REQUIRE(study.burned_in().size() == 4);
    for (const auto& box : study.burned_in()) {
        for (unsigned frame = 0; frame < 2; ++frame) {
            std::size_t white = 0;
            for (auto y = box.y; y < box.y + box.height; ++y) {
                for (auto x = box.x; x < box.x + box.width; ++x) {
                    const auto at = ((std::size_t{frame} * 240 + y) * 320 + x) * 3;
                    white += bytes[at] == 255 ? 1 : 0;
                }
            }
            CHECK(white > 50);
        }
    }
}

TEST_CASE("a report is a legal Basic Text SR that refers to the images")
{
    const TempDir directory;
    phantom::Study study{jane, 1};
    study.add_mr_series({.images = 2}).add_structured_report();
    Loaded object{study.write_to(directory.path).back()};

    DSRDocument report;

    REQUIRE(report.read(object.data()).good());
    CHECK(report.getDocumentType() == DSRTypes::DT_BasicTextSR);
    CHECK(report.getCurrentRequestedProcedureEvidence().getNumberOfInstances() == 2);
}

TEST_CASE("a presentation state needs an image")
{
    phantom::Study study{jane, 1};

    CHECK_THROWS_AS(study.add_presentation_state(), std::logic_error);
}

TEST_CASE("make-phantoms writes the sets and what must not leak from them")
{
    const TempDir directory;

    const auto demo = run_tool("make-phantoms", {directory / "demo"});
    const auto bench =
        run_tool("make-phantoms", {directory / "bench", "--set", "bench", "--images", "12"});

    CHECK(demo.exit_code == 0);
    CHECK_THAT(demo.out, Contains("37 files of 3 studies"));
    CHECK(!leak_scan({directory.path / "demo" / "study3"},
                     read_identity(directory.path / "demo" / "identity.json"))
               .empty());
    CHECK(bench.exit_code == 0);
    CHECK(fs::file_size(directory.path / "bench" / "study1" / "MR00012.dcm") > 230'000);
    CHECK(run_tool("make-phantoms", {directory / "x", "--set", "nonsense"}).exit_code == 64);
}
