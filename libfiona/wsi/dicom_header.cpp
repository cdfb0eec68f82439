// SPDX-License-Identifier: MIT
#include "libfiona/wsi/dicom_header.h"

#include "libfiona/base/error.h"
#include "libfiona/base/number.h"
#include "libfiona/base/text.h"
#include "libfiona/dicom/check.h"
#include "libfiona/dicom/library.h"
#include "libfiona/wsi/dicom_items.h"

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dcostrmb.h>
#include <dcmtk/dcmdata/dctk.h>
#include <fmt/format.h>

#include <algorithm>

namespace fiona::wsi {

namespace {

constexpr double micrometres_per_millimetre = 1000.0;
constexpr double depth_um = 1.0; // no scanner says; the thickness of the plane in focus

/// Explicit about the eight characters it always has, so that it may be filled in late.
std::string ratio_text(double ratio)
{
    constexpr std::size_t characters = 8;
    return fmt::format("{:.8f}", std::clamp(ratio, 0.0, 999999.0)).substr(0, characters);
}

/// "Kidney, 06 HE, Block: 05 Biopsy: 02 Slide: 06 Department: DEP REK: 2020/123"
std::string description(const SlideRecord& record)
{
    return fmt::format("{}, {}, Block: {} Biopsy: {} Slide: {} Department: {} REK: {}",
                       coded_name(record.specimen).name, coded_name(record.stain).name,
                       record.block_nr, record.biopsy_nr, record.slide_nr, record.department,
                       record.rek);
}

/// The digits of a slide's number; 1 without any.
long series_number(const SlideRecord& record)
{
    const auto number = read_number<long>(record.slide_nr).value_or(0);
    return number > 0 ? number : 1;
}

void put_patient_and_study(DcmItem& item, const SlideHeader& header)
{
    const auto& record = header.record;
    const auto event = "EventName:" + record.event;
    put_text(item, DCM_PatientName, record.record_id, 64);
    put_text(item, DCM_PatientID, record.record_id, 64);
    put_text(item, DCM_PatientBirthDate, "", 0);
    put_text(item, DCM_PatientSex, "O", 16);
    put_text(item, DCM_PatientComments, record.stain, 1024);
    put_text(item, DCM_PatientIdentityRemoved, "YES", 16);
    put_text(item, DCM_DeidentificationMethod, "fiona: no label, no macro, header made anew", 64);
    put_text(item, DCM_StudyInstanceUID, header.uids.study, 64);
    put_text(item, DCM_StudyDate, header.date_time.substr(0, 8), 8);
    put_text(item, DCM_StudyTime, header.date_time.substr(8), 16);
    put_text(item, DCM_ReferringPhysicianName, event, 64);
    put_text(item, DCM_StudyID, record.block_nr + record.biopsy_nr + record.slide_nr, 16);
    put_text(item, DCM_AccessionNumber, "", 0);
    put_text(item, DCM_StudyDescription, description(record), 64);
    put_text(item, DCM_ReasonForTheRequestedProcedure, event, 64);
    put_text(item, DCM_RETIRED_ReasonForTheImagingServiceRequest, event, 64);
    put_text(item, DCM_InstitutionName, header.institution, 64);
}

void put_series_and_equipment(DcmItem& item, const SlideFacts& facts, const SlideHeader& header)
{
    put_text(item, DCM_Modality, "SM", 16);
    put_text(item, DCM_SeriesInstanceUID, header.uids.series, 64);
    put_text(item, DCM_SeriesNumber, fmt::format("{}", series_number(header.record)), 12);
    put_text(item, DCM_SeriesDescription, description(header.record), 64);
    put_text(item, DCM_SeriesDate, header.date_time.substr(0, 8), 8);
    put_text(item, DCM_SeriesTime, header.date_time.substr(8), 16);
    put_text(item, DCM_FrameOfReferenceUID, header.uids.frame_of_reference, 64);
    put_text(item, DCM_PositionReferenceIndicator, "SLIDE_CORNER", 64);
    const auto known = [](const std::string& text) { return text.empty() ? "unknown" : text; };
    put_text(item, DCM_Manufacturer, known(facts.manufacturer), 64);
    put_text(item, DCM_ManufacturerModelName, known(facts.model), 64);
    put_text(item, DCM_DeviceSerialNumber,
             header.serial_number.empty() ? "0" : header.serial_number, 64);
    put_text(item, DCM_SoftwareVersions, known(facts.software), 64);
}

std::string image_type(const LevelHeader& level)
{
    return level.level == 0 ? R"(ORIGINAL\PRIMARY\VOLUME\NONE)"
                            : R"(DERIVED\PRIMARY\VOLUME\RESAMPLED)";
}

void put_image(DcmItem& item, const SlideHeader& header, const LevelHeader& level)
{
    put_text(item, DCM_SOPClassUID, UID_VLWholeSlideMicroscopyImageStorage, 64);
    put_text(item, DCM_SOPInstanceUID, header.uids.instance(level.level), 64);
    put_text(item, DCM_InstanceNumber, fmt::format("{}", level.level + 1), 12);
    put_text(item, DCM_ContentDate, header.date_time.substr(0, 8), 8);
    put_text(item, DCM_ContentTime, header.date_time.substr(8), 16);
    put_text(item, DCM_AcquisitionDateTime, header.date_time, 26);
    put_list(item, DCM_ImageType, image_type(level));
    put_text(item, DCM_ImageComments, description(header.record), 1024);
    put_text(item, DCM_BurnedInAnnotation, "NO", 16);
    put_text(item, DCM_LossyImageCompression, level.coding.is_lossless ? "00" : "01", 16);
    if (!level.coding.is_lossless) {
        const bool is_jpeg = level.coding.transfer_syntax == UID_JPEGProcess1TransferSyntax;
        put_text(item, DCM_LossyImageCompressionRatio, ratio_text(level.compression_ratio), 16);
        put_text(item, DCM_LossyImageCompressionMethod, is_jpeg ? "ISO_10918_1" : "ISO_15444_1",
                 16);
    }
    put_sequence(item, DCM_AcquisitionContextSequence, {});
}

void put_pixels(DcmItem& item, const LevelHeader& level)
{
    put_number(item, DCM_SamplesPerPixel, 3);
    put_text(item, DCM_PhotometricInterpretation, level.coding.photometric, 16);
    put_number(item, DCM_PlanarConfiguration, 0);
    put_text(item, DCM_NumberOfFrames, fmt::format("{}", level.frames), 12);
    put_number(item, DCM_Rows, level.coding.tile_height);
    put_number(item, DCM_Columns, level.coding.tile_width);
    put_number(item, DCM_BitsAllocated, 8);
    put_number(item, DCM_BitsStored, 8);
    put_number(item, DCM_HighBit, 7);
    put_number(item, DCM_PixelRepresentation, 0);
}

void put_slide(DcmItem& item, const SlideFacts& facts, const LevelHeader& level)
{
    constexpr double default_x_mm = 25.0; // in the middle of a glass of 25 x 75 mm
    constexpr double default_y_mm = 50.0;
    const auto columns = static_cast<double>(level.image.width);
    const auto rows = static_cast<double>(level.image.height);
    put_long(item, DCM_TotalPixelMatrixColumns, level.image.width);
    put_long(item, DCM_TotalPixelMatrixRows, level.image.height);
    put_long(item, DCM_TotalPixelMatrixFocalPlanes, 1);
    put_real(item, DCM_ImagedVolumeWidth, columns * level.mpp_x / micrometres_per_millimetre);
    put_real(item, DCM_ImagedVolumeHeight, rows * level.mpp_y / micrometres_per_millimetre);
    put_real(item, DCM_ImagedVolumeDepth, depth_um);
    DcmItem origin;
    put_decimal(origin, DCM_XOffsetInSlideCoordinateSystem,
                facts.origin_x_mm.value_or(default_x_mm));
    put_decimal(origin, DCM_YOffsetInSlideCoordinateSystem,
                facts.origin_y_mm.value_or(default_y_mm));
    put_sequence(item, DCM_TotalPixelMatrixOriginSequence, {origin});
    put_list(item, DCM_ImageOrientationSlide, R"(0\-1\0\-1\0\0)");
    put_text(item, DCM_VolumetricProperties, "VOLUME", 16);
    put_text(item, DCM_SpecimenLabelInImage, "NO", 16);
    put_text(item, DCM_FocusMethod, "AUTO", 16);
    put_text(item, DCM_ExtendedDepthOfField, "NO", 16);
}

void put_dimensions(DcmItem& item, const SlideUids& uids)
{
    const auto index = [&](const DcmTagKey& pointer, const std::string& label) {
        DcmItem one;
        put_text(one, DCM_DimensionOrganizationUID, uids.dimension_organization, 64);
        put_tag(one, DCM_DimensionIndexPointer, pointer);
        put_tag(one, DCM_FunctionalGroupPointer, DCM_PlanePositionSlideSequence);
        put_text(one, DCM_DimensionDescriptionLabel, label, 64);
        return one;
    };
    DcmItem organization;
    put_text(organization, DCM_DimensionOrganizationUID, uids.dimension_organization, 64);
    put_sequence(item, DCM_DimensionOrganizationSequence, {organization});
    put_text(item, DCM_DimensionOrganizationType, "TILED_FULL", 16);
    put_sequence(item, DCM_DimensionIndexSequence,
                 {index(DCM_RowPositionInTotalImagePixelMatrix, "Row"),
                  index(DCM_ColumnPositionInTotalImagePixelMatrix, "Column")});
    put_text(item, DcmTag{0x0008, 0x0019, EVR_UI}, uids.pyramid, 64);
}

void put_optical_path(DcmItem& item, const SlideFacts& facts, const std::string& icc_profile)
{
    DcmItem path;
    put_text(path, DCM_OpticalPathIdentifier, "1", 16);
    put_code(path, DCM_IlluminationTypeCodeSequence, {"111744", "DCM", "Brightfield illumination"});
    put_code(path, DCM_IlluminationColorCodeSequence, {"414298005", "SCT", "Full Spectrum"});
    if (facts.objective_power) {
        put_decimal(path, DCM_ObjectiveLensPower, *facts.objective_power);
    }
    put_bytes(path, DCM_ICCProfile, icc_profile);
    put_long(item, DCM_NumberOfOpticalPaths, 1);
    put_sequence(item, DCM_OpticalPathSequence, {path});
}

void put_shared_groups(DcmItem& item, const LevelHeader& level)
{
    DcmItem measures;
    put_decimals(
        measures, DCM_PixelSpacing,
        {level.mpp_y / micrometres_per_millimetre, level.mpp_x / micrometres_per_millimetre});
    put_decimal(measures, DCM_SliceThickness, depth_um / micrometres_per_millimetre);
    DcmItem type;
    put_list(type, DCM_FrameType, image_type(level));
    DcmItem path;
    put_text(path, DCM_OpticalPathIdentifier, "1", 16);
    DcmItem shared;
    put_sequence(shared, DCM_PixelMeasuresSequence, {measures});
    put_sequence(shared, DCM_WholeSlideMicroscopyImageFrameTypeSequence, {type});
    put_sequence(shared, DCM_OpticalPathIdentificationSequence, {path});
    put_sequence(item, DCM_SharedFunctionalGroupsSequence, {shared});
}

/// Preamble of zeros, meta header, data set.
std::string written(DcmFileFormat& file, E_TransferSyntax syntax)
{
    std::string text;
    std::string buffer(std::size_t{1} << 16U, '\0');
    DcmOutputBufferStream stream{buffer.data(), static_cast<offile_off_t>(buffer.size())};
    file.transferInit();
    OFCondition condition = EC_StreamNotifyClient;
    while (condition == EC_StreamNotifyClient) {
        condition =
            file.write(stream, syntax, EET_ExplicitLength, nullptr, EGL_recalcGL, EPD_noChange);
        void* bytes = nullptr;
        offile_off_t count = 0;
        stream.flushBuffer(bytes, count);
        text.append(static_cast<const char*>(bytes), static_cast<std::size_t>(count));
    }
    file.transferEnd();
    dicom::check(condition, "write the header of a slide");
    constexpr std::size_t preamble = 128;
    std::fill_n(text.begin(), std::min(preamble, text.size()), '\0');
    return text;
}

} // namespace

CodedName coded_name(const std::string& text)
{
    const auto open = text.find('[');
    const auto close = text.find(']', open == std::string::npos ? 0 : open);
    if (open == std::string::npos || close == std::string::npos) {
        return {"", std::string{trimmed(text)}};
    }
    const std::string code{trimmed(std::string_view{text}.substr(open + 1, close - open - 1))};
    const auto name = text.substr(0, open) + text.substr(close + 1);
    return {code, std::string{trimmed(name)}};
}

std::string dicom_header(const SlideFacts& facts, const SlideHeader& header,
                         const LevelHeader& level, const std::string& icc_profile)
{
    constexpr std::size_t date_time_digits = 14;
    if (header.date_time.size() < date_time_digits) {
        throw Error{Fault::internal, "a slide without date and time"};
    }
    const dicom::Library library;
    DcmFileFormat file;
    DcmItem& item = *file.getDataset();
    put_text(item, DCM_SpecificCharacterSet, "ISO_IR 192", 16);
    put_patient_and_study(item, header);
    put_series_and_equipment(item, facts, header);
    put_image(item, header, level);
    put_pixels(item, level);
    put_slide(item, facts, level);
    put_dimensions(item, header.uids);
    put_optical_path(item, facts, icc_profile);
    put_specimen(item, header);
    put_shared_groups(item, level);
    return written(file, DcmXfer{level.coding.transfer_syntax.c_str()}.getXfer());
}

} // namespace fiona::wsi
