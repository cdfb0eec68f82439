// SPDX-License-Identifier: MIT
#include "libfiona/classify/series_fields.h"
#include "libfiona/classify/siemens.h"
#include "tests/unit/classify/made_image.h"
#include "tests/unit/csa/csa_bytes.h"

#include <catch2/catch.hpp>
#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dctk.h>

using namespace fiona;
using Format = CsaBytes::Format;

namespace {

constexpr dicom::Tag csa_block{0x0029, 0x0010};
constexpr dicom::Tag csa_image{0x0029, 0x1010};
constexpr dicom::Tag csa_series{0x0029, 0x1020};
constexpr auto csa_creator = "SIEMENS CSA HEADER";

constexpr auto protocol = "### ASCCONV BEGIN ###\n"
                          "sGroupArray.asGroup[0].nSize\t = \t25\n"
                          "lSequenceID\t = \t69\n"
                          "sWipMemBlock.tFree\t = \t\"\"c90dac29\"\"\n"
                          "sProtConsistencyInfo.tMeasuredBaselineString\t = "
                          "\t\"\"N4_VE11C_LATEST_20160120\"\"\n"
                          "### ASCCONV END ###\n";

std::vector<std::byte> image_header(Format format)
{
    return CsaBytes{format}
        .add("B_value", "IS", {"1000", "", ""})
        .add("DiffusionDirectionality", "CS", {"DIRECTIONAL"})
        .add("DiffusionGradientDirection", "FD", {"0.5", "-0.25", "0.82915620"})
        .add("PhaseEncodingDirectionPositive", "IS", {"0"})
        .add("NumberOfImagesInMosaic", "US", {"25"})
        .add("MosaicRefAcqTimes", "FD", {"0.0", "1550.0"})
        .add("ImaCoilString", "LO", {"HEA;HEP"})
        .add("SliceNormalVector", "FD", {})
        .bytes();
}

std::vector<std::byte> series_header(Format format)
{
    return CsaBytes{format}
        .add("UsedPatientWeight", "DS", {"70"})
        .add("MrPhoenixProtocol", "UN", {protocol})
        .bytes();
}

json::Object fields_of(const dicom::Header& image, const json::Object& known = {})
{
    return classify::series_fields(image, {}, known);
}

std::string text(const json::Object& fields, const char* key)
{
    return json::Value{fields}.text(key, "(absent)");
}

} // namespace

TEST_CASE("the CSA headers give their values to the series JSON, of either version")
{
    const auto format = GENERATE(Format::csa1, Format::csa2);
    const auto fields = fields_of(made_image({{"0020,0013", "7"}}, [&](DcmDataset& set) {
        put_text(set, csa_block, "LO", csa_creator);
        put_bytes(set, csa_image, BytesVr::ob, image_header(format));
        put_bytes(set, csa_series, BytesVr::un, series_header(format));
    }));

    CHECK(text(fields, "PhaseEncodingDirectionPositive") == "0");
    CHECK(text(fields, "ActiveCoils") == "HEA;HEP");
    CHECK(text(fields, "NumSlices") == "25");
    CHECK(text(fields, "MeasID") == "69");
    CHECK(text(fields, "siemensUUID") == "c90dac29");
    CHECK(text(fields, "OSLevel") == "VE11C");
    CHECK(fields.at("CSA")
          == json::Value{json::Object{{"NumberOfImagesInMosaic", "25"},
                                      {"MosaicRefAcqTimes", json::Array{"0.0", "1550.0"}}}});
    CHECK(fields.at("siemensDiffusionInformation")
          == json::Value{json::Array{json::Object{
              {"B_value", "1000"},
              {"DiffusionDirectionality", "DIRECTIONAL"},
              {"DiffusionGradientDirection", json::Array{"0.5", "-0.25", "0.82915620"}},
              {"InstanceNumber", "7"},
              {"SOPInstanceUID", sop_uid(1, 1)}}}});
    CHECK(fields.at("DiffusionBValues") == json::Value{json::Array{"1000"}});
    CHECK_FALSE(fields.contains("diffusionInformation"));
}

TEST_CASE("the headers are found by their creator in any block, or at the usual numbers")
{
    struct Place {
        const char* creator; ///< of block 0x10; none if empty
        dicom::Tag block;
        dicom::Tag element;
        bool is_found;
    };
    const auto place = GENERATE(values<Place>({
        {"", {0x0029, 0x0013}, {0x0029, 0x1310}, true},
        {"", {}, {0x0029, 0x1010}, true},
        {"", {}, {0x0029, 0x1110}, true},
        {"", {}, {0x0029, 0x1210}, true},
        {"", {}, {0x0029, 0x1310}, false},
        {"SOMEBODY ELSE", {}, {0x0029, 0x1010}, false},
        {"SOMEBODY ELSE", {0x0029, 0x0099}, {0x0029, 0x9910}, true},
    }));
    CAPTURE(place.creator, place.element.element);
    const auto image = made_image({}, [&](DcmDataset& set) {
        if (*place.creator != '\0') {
            put_text(set, csa_block, "LO", place.creator);
        }
        if (place.block.group != 0) {
            put_text(set, place.block, "LO", csa_creator);
        }
        put_bytes(set, place.element, BytesVr::ob, image_header(Format::csa2));
    });

    const auto value = classify::SiemensImage{image}.image_value("B_value");

    CHECK((value && value->text == "1000") == place.is_found);
}

TEST_CASE("a damaged CSA header is as good as none, and the image is taken nevertheless")
{
    auto bytes = image_header(Format::csa2);
    bytes[12] = std::byte{1}; // the check word
    const auto fields = fields_of(made_image({}, [&](DcmDataset& set) {
        put_text(set, csa_block, "LO", csa_creator);
        put_bytes(set, csa_image, BytesVr::ob, bytes);
        put_bytes(set, csa_series, BytesVr::ob, bytes_of("no header at all"));
    }));

    CHECK_FALSE(fields.contains("CSA"));
    CHECK_FALSE(fields.contains("NumSlices"));
    CHECK(text(fields, "PatientID") == "TEST01");
}

TEST_CASE("without CSA headers single elements of SIEMENS MR HEADER say the same")
{
    const auto fields = fields_of(made_image({}, [](DcmDataset& set) {
        put_text(set, {0x0019, 0x0010}, "LO", "SIEMENS MR HEADER");
        put_text(set, {0x0019, 0x100a}, "US", "25");
        put_text(set, {0x0019, 0x100c}, "IS", "2000");
        put_text(set, {0x0019, 0x100d}, "CS", "DIRECTIONAL");
        put_text(set, {0x0019, 0x100e}, "FD", "0.5\\0.25\\-1");
        put_text(set, {0x0051, 0x0010}, "LO", "SIEMENS MR HEADER");
        put_text(set, {0x0051, 0x100b}, "LO", "128p*128");
        put_text(set, {0x0051, 0x100f}, "LO", "HC1-7");
    }));

    const auto& diffusion = fields.at("siemensDiffusionInformation").array().at(0);
    CHECK(diffusion.text("B_value") == "2000");
    CHECK(*diffusion.find("DiffusionGradientDirection")
          == json::Value{json::Array{"0.5", "0.25", "-1.0"}});
    CHECK(text(fields, "ActiveCoils") == "HC1-7");
    CHECK(*fields.at("CSA").find("NumberOfImagesInMosaic") == json::Value{"25"});
    CHECK(*fields.at("CSA").find("AcquisitionMatrixText") == json::Value{"128p*128"});
}

TEST_CASE("XA software keeps the protocol and the image's values in the functional groups")
{
    constexpr dicom::Tag shared{0x5200, 0x9229};
    constexpr dicom::Tag frames{0x5200, 0x9230};
    const auto fields = fields_of(made_image(
        {{"0008,0070", "Siemens Healthineers"}, {"0018,1020", "syngo MR XA30"}},
        [&](DcmDataset& set) {
            auto& outer = add_item(set, shared);
            put_text(outer, {0x0021, 0x0010}, "LO", "SIEMENS MR SDS 01");
            auto& series = add_item(outer, {0x0021, 0x10fe});
            put_text(series, {0x0021, 0x0011}, "LO", "SIEMENS MR SDS 01");
            put_bytes(series, {0x0021, 0x1119}, BytesVr::ob,
                      bytes_of(std::string{protocol} + '\0'));
            put_text(series, {0x0021, 0x115b}, "CS", "SK\\SS");
            auto& frame = add_item(set, frames);
            put_text(frame, {0x0021, 0x0011}, "LO", "SIEMENS MR SDI 02");
            auto& image = add_item(frame, {0x0021, 0x11fe});
            put_text(image, {0x0021, 0x0012}, "LO", "SIEMENS MR SDI 02");
            put_text(image, {0x0021, 0x121c}, "IS", "1");
            put_text(image, {0x0021, 0x124f}, "LO", "HC1-6");
            put_text(image, {0x0021, 0x1253}, "FD", "20.73");
            put_text(image, {0x0021, 0x1275}, "CS", "ORIGINAL\\PRIMARY\\DIFFUSION\\MB");
            auto& diffusion = add_item(frame, {0x0018, 0x9117});
            put_text(diffusion, {0x0018, 0x9075}, "CS", "DIRECTIONAL");
            put_text(diffusion, {0x0018, 0x9087}, "FD", "2500");
            put_text(add_item(diffusion, {0x0018, 0x9076}), {0x0018, 0x9089}, "FD", "0\\0.6\\0.8");
        }));

    CHECK(text(fields, "NumSlices") == "25");
    CHECK(text(fields, "OSLevel") == "VE11C");
    CHECK(text(fields, "PhaseEncodingDirectionPositive") == "1");
    CHECK(text(fields, "ActiveCoils") == "HC1-6");
    CHECK(text(fields, "SequenceVariant") == "['SK', 'SS']");
    CHECK(*fields.at("CSA").find("BandwidthPerPixelPhaseEncode") == json::Value{"20.73"});
    CHECK(fields.at("CSA").find("ImageType")->array().size() == 4);
    const auto& diffusion = fields.at("siemensDiffusionInformation").array().at(0);
    CHECK(diffusion.text("B_value") == "2500.0");
    CHECK(*diffusion.find("DiffusionGradientDirection")
          == json::Value{json::Array{"0.0", "0.6", "0.8"}});
    CHECK(fields.at("DiffusionBValues") == json::Value{json::Array{"2500"}});
}

TEST_CASE("the protocol is left alone once its values are known")
{
    const auto image = made_image({}, [&](DcmDataset& set) {
        put_text(set, csa_block, "LO", csa_creator);
        put_bytes(set, csa_image, BytesVr::ob, image_header(Format::csa2));
        put_bytes(set, csa_series, BytesVr::ob, series_header(Format::csa2));
    });
    const auto first = fields_of(image);
    const auto second = fields_of(image, first);

    CHECK_FALSE(second.contains("NumSlices"));
    CHECK(second.contains("CSA"));
    CHECK(classify::merged(first, second, classify::Arrival::again) == first);
}

TEST_CASE("other vendors' images are not asked for Siemens' values")
{
    const auto fields =
        fields_of(made_image({{"0008,0070", "GE MEDICAL SYSTEMS"}}, [](DcmDataset& set) {
            put_text(set, {0x0019, 0x100c}, "IS", "1000");
            put_text(set, {0x0019, 0x100d}, "CS", "NO");
        }));

    CHECK_FALSE(fields.contains("siemensDiffusionInformation"));
    CHECK_FALSE(fields.contains("CSA"));
}

TEST_CASE("the name of an XA release is the software level if the protocol has none")
{
    CHECK(text(fields_of(made_image({{"0018,1020", "syngo MR XA30"}})), "OSLevel") == "XA30");
    CHECK(text(fields_of(made_image({{"0018,1020", "syngo MR XA60 SP1"}})), "OSLevel") == "XA60");
}
