// SPDX-License-Identifier: MIT
// The values below were read from the same files with nibabel 5.0 (CSA headers) and pydicom 2.3.
#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/base/json.h"
#include "libfiona/classify/rules.h"
#include "libfiona/classify/series_fields.h"
#include "libfiona/classify/siemens.h"
#include "libfiona/dicom/library.h"
#include "tests/support/shared_data.h"

#include <catch2/catch.hpp>

#include <algorithm>

using namespace fiona;
namespace fs = std::filesystem;

namespace {

/// The file itself, or the first one of a directory.
fs::path first_file(const fs::path& place)
{
    if (!fs::is_directory(place)) {
        return place;
    }
    std::vector<fs::path> files;
    for (const auto& entry : fs::recursive_directory_iterator{place}) {
        if (entry.is_regular_file()) {
            files.push_back(entry.path());
        }
    }
    return *std::ranges::min_element(files);
}

bool is_multiframe(const json::Object& fields)
{
    return fields.contains("FramesOf");
}

std::vector<double> numbers(const json::Value& list)
{
    std::vector<double> result;
    for (const auto& item : list.array()) {
        result.push_back(classify::as_number(item.text()).value());
    }
    return result;
}

} // namespace

TEST_CASE("real Siemens files give the values that other readers find")
{
    const auto place = shared_data();
    if (!place) {
        return;
    }
    struct Known {
        const char* file;
        const char* slices;         ///< NumSlices of the protocol
        const char* tiles;          ///< NumberOfImagesInMosaic
        std::size_t times;          ///< of MosaicRefAcqTimes
        const char* phase_positive; ///< PhaseEncodingDirectionPositive
        const char* level;          ///< OSLevel
        const char* b_value;        ///< "" for no diffusion
        std::vector<double> direction;
    };
    const auto known = GENERATE(values<Known>({
        {"studies/siemens-prisma-dti-mosaic/"
         "0001_1.3.12.2.1107.5.2.43.67060.2022040715061039804961006.dcm",
         "25",
         "25",
         25,
         "1",
         "VE11C",
         "0",
         {}},
        {"studies/siemens-prisma-dti-mosaic/"
         "0002_1.3.12.2.1107.5.2.43.67060.2022040715061335223661133.dcm",
         "25",
         "25",
         25,
         "1",
         "VE11C",
         "1000",
         {0.86243188, -0.36244097, 0.35333803}},
        {"studies/siemens-mosaic-vd13/IM-0001-0001.dcm", "36", "36", 36, "1", "VD13D", "", {}},
        {"studies/siemens-mosaic-vb12/0001.dcm", "35", "35", 0, "1", "", "", {}},
        {"private-phi/siemens_dwi_1000.dcm",
         "48",
         "48",
         48,
         "1",
         "",
         "1000",
         {0.99997449, 0.00505012, -0.00505012}},
        {"private-phi/csa_test.dcm", "", "", 0, "1", "", "0", {}},
        {"studies/siemens-skyra-epi/mr_0003", "5", "5", 5, "1", "VE11C", "", {}},
        {"studies/siemens-skyra-epi/mr_0004", "5", "5", 5, "0", "VE11C", "", {}},
        {"transfer-syntax/siemens-trio/1.dcm", "35", "35", 35, "1", "", "", {}}, // explicit
        {"transfer-syntax/siemens-trio/2.dcm", "35", "35", 35, "1", "", "", {}}, // implicit
        {"transfer-syntax/siemens-trio/3.dcm", "35", "35", 35, "1", "", "", {}}, // big endian
        {"transfer-syntax/siemens-trio/9.dcm", "35", "35", 35, "1", "", "", {}}, // JPEG 2000
        {"studies/siemens-xa30-enhanced/8_gre_field_mapping", "33", "", 0, "1", "XA30", "", {}},
        {"studies/siemens-xa30-enhanced/12_DWI_dir80_PA", "39", "", 0, "0", "XA30", "2500.0", {}},
        {"studies/agfa-renumbered-private/Siemens/011-0001.img", "25", "", 0, "1", "XA20", "", {}},
        {"studies/agfa-renumbered-private/Agfa/011-0001.img", "25", "", 0, "1", "XA20", "", {}},
    }));
    CAPTURE(known.file);
    const dicom::Library library;
    const auto header = dicom::Header::read(first_file(*place / known.file));

    const auto fields = classify::series_fields(header, {});

    const json::Value all{fields};
    if (*known.slices != '\0') {
        CHECK(all.text("NumSlices") == known.slices);
    }
    CHECK(all.text("PhaseEncodingDirectionPositive") == known.phase_positive);
    if (*known.level != '\0') {
        CHECK(all.text("OSLevel") == known.level);
    }
    const auto* const extras = all.find("CSA");
    const auto* const times = extras == nullptr ? nullptr : extras->find("MosaicRefAcqTimes");
    CHECK((extras == nullptr ? std::string{} : extras->text("NumberOfImagesInMosaic"))
          == known.tiles);
    CHECK((times == nullptr ? 0 : times->array().size()) == known.times);
    const auto* const diffusion = all.find("siemensDiffusionInformation");
    REQUIRE((diffusion != nullptr) == (*known.b_value != '\0'));
    if (diffusion != nullptr) {
        const auto& entry = diffusion->array().at(0);
        CHECK(entry.text("B_value") == known.b_value);
        CHECK(entry.text("SOPInstanceUID") == header.text({0x0008, 0x0018}));
        CHECK(numbers(*entry.find("DiffusionGradientDirection")) == known.direction);
    }
}

TEST_CASE("CSA headers and the single elements beside them agree in every real file")
{
    const auto place = shared_data();
    if (!place) {
        return;
    }
    const dicom::Library library;
    const auto manifest = json::parse(read_file(*place / "manifest.json"), "manifest");
    std::size_t compared = 0;
    for (const auto& record : manifest.find("files")->array()) {
        CAPTURE(record.text("path"));
        if (record.text("modality") != "MR") {
            continue;
        }
        std::optional<dicom::Header> header;
        try {
            header = dicom::Header::read(*place / record.text("path"));
        } catch (const Error&) {
            continue; // refused; the tests of the header say why
        }
        const classify::SiemensImage image{*header};
        for (const auto& [name, element] : {std::pair<const char*, std::uint16_t>{"B_value", 0x0c},
                                            {"DiffusionDirectionality", 0x0d},
                                            {"NumberOfImagesInMosaic", 0x0a},
                                            {"BandwidthPerPixelPhaseEncode", 0x28}}) {
            const auto single = header->values_at({{{0x0019, element}, "SIEMENS MR HEADER"}});
            const auto value = image.image_value(name);
            if (!single || single->empty() || !value) {
                continue;
            }
            CAPTURE(name);
            const auto left = classify::as_number(value->text);
            const auto right = classify::as_number(single->front());
            CHECK(left.has_value() == right.has_value());
            CHECK((left && right ? *left == Approx(*right) : value->text == single->front()));
            ++compared;
        }
    }
    CHECK(compared > 40);
}

TEST_CASE("every real file gets a series JSON, and the shipped rules know the vendors' images")
{
    const auto place = shared_data();
    if (!place) {
        return;
    }
    struct Known {
        const char* file;
        std::vector<std::string> types; ///< all of them, in this order
        const char* key;
        const char* value;
    };
    const auto known = GENERATE(values<Known>({
        {"studies/ge-mr750-fmri", {"GE", "original", "axial"}, "PulseSequenceName", "epiRT"},
        {"studies/ge-mr750-fmri", {"GE", "original", "axial"}, "Slices", "15"},
        {"studies/ge-mr750-fmri", {"GE", "original", "axial"}, "Private0019_105a", "50000008.0"},
        {"studies/philips-fmri-classic", {"PHILIPS", "original"}, "SequenceType", "FEEPI"},
        {"studies/uih-dti/00000003.dcm",
         {"UIH", "original", "DIFFUSION"},
         "SequenceName",
         "epi_dti"},
        {"studies/siemens-prisma-dti-mosaic/"
         "0002_1.3.12.2.1107.5.2.43.67060.2022040715061335223661133.dcm",
         {"SIEMENS", "mosaic", "original", "DIFFUSION"},
         "AcquisitionLength",
         "TA 50.00"},
        {"studies/siemens-skyra-epi/mr_0003",
         {"SIEMENS", "mosaic", "original", "axial"},
         "SequenceName",
         "epfid2d1_72"},
        {"studies/siemens-xa30-enhanced/12_DWI_dir80_PA",
         {"SIEMENS", "axial", "DIFFUSION"},
         "ActiveCoils",
         "HC1-6"},
        {"studies/philips-enhanced-fmap", {"PHILIPS", "original", "axial"}, "EchoTime", "1.52"},
    }));
    CAPTURE(known.file, known.key);
    const dicom::Library library;
    const auto rules = classify::Rules::load(fs::path{FIONA_SOURCE_DIR} / "share" / "rules"
                                             / "classifyRules.json");
    const auto header = dicom::Header::read(first_file(*place / known.file));

    const auto fields = classify::series_fields(header, {});

    CHECK(json::Value{fields}.text(known.key) == known.value);
    CHECK(rules.evaluate(header, fields).types == known.types);
    CHECK((!is_multiframe(fields) || fields.contains("ImagePositionPatient")));
}
