// SPDX-License-Identifier: MIT
#include "tests/support/small_image.h"

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dcdeftag.h>
#include <dcmtk/dcmdata/dcfilefo.h>
#include <dcmtk/dcmdata/dcxfer.h>

#include <array>
#include <cstdint>
#include <stdexcept>

namespace {

void describe(DcmItem& dataset, std::uint16_t rows, std::uint16_t columns,
              std::uint16_t bits_allocated, std::uint16_t bits_stored)
{
    dataset.putAndInsertUint16(DCM_SamplesPerPixel, 1);
    dataset.putAndInsertString(DCM_PhotometricInterpretation, "MONOCHROME2");
    dataset.putAndInsertUint16(DCM_Rows, rows);
    dataset.putAndInsertUint16(DCM_Columns, columns);
    dataset.putAndInsertUint16(DCM_BitsAllocated, bits_allocated);
    dataset.putAndInsertUint16(DCM_BitsStored, bits_stored);
    dataset.putAndInsertUint16(DCM_HighBit, static_cast<Uint16>(bits_stored - 1));
    dataset.putAndInsertUint16(DCM_PixelRepresentation, 0);
}

void put_small_pixels(DcmItem& dataset)
{
    constexpr std::uint16_t side = 16;
    describe(dataset, side, side, 16, 12);
    std::array<Uint16, std::size_t{side} * side> pixels{};
    for (std::size_t i = 0; i < pixels.size(); ++i) {
        pixels[i] = static_cast<Uint16>(i * 7 % 4096);
    }
    dataset.putAndInsertUint16Array(DCM_PixelData, pixels.data(), pixels.size());
}

void put_picture(DcmItem& dataset, const phantom::Canvas& picture)
{
    describe(dataset, static_cast<std::uint16_t>(picture.rows),
             static_cast<std::uint16_t>(picture.columns), 8, 8);
    if (picture.samples == 3) {
        dataset.putAndInsertUint16(DCM_SamplesPerPixel, 3);
        dataset.putAndInsertString(DCM_PhotometricInterpretation, "RGB");
        dataset.putAndInsertUint16(DCM_PlanarConfiguration, 0);
    }
    dataset.putAndInsertUint8Array(DCM_PixelData, picture.bytes.data(), picture.bytes.size());
}

} // namespace

void write_image(const SmallImage& image, const std::filesystem::path& file)
{
    DcmFileFormat format;
    auto& dataset = *format.getDataset();
    dataset.putAndInsertString(DCM_ImageType, image.image_type.c_str());
    dataset.putAndInsertString(DCM_SOPClassUID, image.sop_class.c_str());
    dataset.putAndInsertString(DCM_SOPInstanceUID, image.sop.c_str());
    dataset.putAndInsertString(DCM_StudyInstanceUID, image.study.c_str());
    dataset.putAndInsertString(DCM_SeriesInstanceUID, image.series.c_str());
    dataset.putAndInsertString(DCM_FrameOfReferenceUID, (image.study + ".99").c_str());
    dataset.putAndInsertString(DCM_Modality, image.modality.c_str());
    dataset.putAndInsertString(DCM_Manufacturer, "SYNTHETIC");
    dataset.putAndInsertString(DCM_PatientName, small_image_name);
    dataset.putAndInsertString(DCM_PatientID, small_image_id);
    dataset.putAndInsertString(DCM_PatientBirthDate, "19610214");
    dataset.putAndInsertString(DCM_PatientSex, "F");
    dataset.putAndInsertString(DCM_AccessionNumber, small_image_accession);
    dataset.putAndInsertString(DCM_StudyID, "SID5544332");
    dataset.putAndInsertString(DCM_StudyDate, "20240102");
    dataset.putAndInsertString(DCM_StudyTime, "101500");
    dataset.putAndInsertString(DCM_SeriesDescription, "t1 synthetic");
    dataset.putAndInsertString(DCM_SeriesNumber, "1");
    dataset.putAndInsertString(DCM_InstanceNumber, "1");
    if (image.picture) {
        put_picture(dataset, *image.picture);
    } else if (image.pixels == SmallImage::Pixels::some) {
        put_small_pixels(dataset);
    }
    for (const auto& [keyword, value] : image.more) {
        DcmTag tag;
        const bool is_known =
            DcmTag::findTagFromName(keyword.c_str(), tag).good() && !tag.isPrivate();
        if (tag.getEVR() == EVR_ox) { // bytes or words: DCMTK wants to be told
            tag.setVR(DcmVR{EVR_OW});
        }
        if (!is_known || dataset.putAndInsertString(tag, value.c_str()).bad()) {
            throw std::runtime_error{"cannot set " + keyword};
        }
    }
    std::filesystem::create_directories(file.parent_path());
    const auto syntax = DcmXfer{image.transfer_syntax.c_str()}.getXfer();
    if (dataset.chooseRepresentation(syntax, nullptr).bad()
        || format.saveFile(file.c_str(), syntax).bad()) {
        throw std::runtime_error{"cannot write " + file.native()};
    }
}
