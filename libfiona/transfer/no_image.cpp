// SPDX-License-Identifier: MIT
#include "libfiona/transfer/no_image.h"

#include "libfiona/anonymize/inputs.h"
#include "libfiona/anonymize/uid_map.h"
#include "libfiona/base/error.h"
#include "libfiona/base/log.h"
#include "libfiona/base/text.h"
#include "libfiona/dicom/check.h"
#include "libfiona/transfer/letters.h"

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dctk.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <memory>
#include <vector>

namespace fiona::transfer {

namespace {

using dicom::check;

constexpr std::uint16_t side = 512; // pixels
constexpr const char* secondary_capture = "1.2.840.10008.5.1.4.1.1.7";

/// What the font has; the rest becomes a question mark.
std::string capitals(const std::string& text)
{
    std::string result;
    for (const char c : text) {
        const bool is_continuation = (static_cast<unsigned char>(c) & 0xc0U) == 0x80U;
        if (c >= 'a' && c <= 'z') {
            result += static_cast<char>(c - 'a' + 'A');
        } else if (c >= ' ' && c <= '~') {
            result += c;
        } else if (!is_continuation) {
            result += '?';
        }
    }
    return result;
}

/// Samples from 0 to 255, row by row.
std::vector<std::uint8_t> drawn(const std::vector<std::string>& lines)
{
    constexpr unsigned scale = 2; // samples to a dot
    constexpr unsigned advance = (letter_columns + 1) * scale;
    constexpr unsigned margin = 16;
    constexpr unsigned line_height = 32;
    constexpr std::size_t most_letters = (side - 2 * margin) / advance;
    std::vector<std::uint8_t> samples(std::size_t{side} * side);
    unsigned top = 2 * line_height;
    for (const auto& line : lines) {
        unsigned left = margin;
        for (const char c : capitals(line).substr(0, most_letters)) {
            draw_letter(c, [&](unsigned column, unsigned row) {
                for (unsigned i = 0; i < scale * scale; ++i) {
                    const auto x = left + column * scale + i % scale;
                    const auto y = top + row * scale + i / scale;
                    samples.at(std::size_t{y} * side + x) = 255;
                }
            });
            left += advance;
        }
        top += line_height;
    }
    return samples;
}

/// Patient, study, series, frame of reference and the account of de-identification (PS3.3 §C.7, §C.12).
bool belongs_to_all(const DcmTagKey& tag)
{
    const std::array<DcmTagKey, 17> single{
        DcmTagKey{0x0008, 0x0005}, DcmTagKey{0x0008, 0x0020}, DcmTagKey{0x0008, 0x0021},
        DcmTagKey{0x0008, 0x0030}, DcmTagKey{0x0008, 0x0031}, DcmTagKey{0x0008, 0x0050},
        DcmTagKey{0x0008, 0x0060}, DcmTagKey{0x0008, 0x0080}, DcmTagKey{0x0008, 0x0090},
        DcmTagKey{0x0008, 0x1030}, DcmTagKey{0x0008, 0x103e}, DcmTagKey{0x0018, 0x0015},
        DcmTagKey{0x0020, 0x000d}, DcmTagKey{0x0020, 0x000e}, DcmTagKey{0x0020, 0x0010},
        DcmTagKey{0x0020, 0x0011}, DcmTagKey{0x0040, 0x2001}};
    return tag.getGroup() == 0x0010 || tag.getGroup() == 0x0012
           || std::ranges::find(single, tag) != single.end();
}

void copy_common(DcmDataset& from, DcmDataset& to)
{
    for (auto* object = from.nextInContainer(nullptr); object != nullptr;
         object = from.nextInContainer(object)) {
        auto* const element = dynamic_cast<DcmElement*>(object);
        if (element != nullptr && belongs_to_all(object->getTag())) {
            std::unique_ptr<DcmElement> copy{dynamic_cast<DcmElement*>(element->clone())};
            check(to.insert(copy.get(), true), "copy an element");
            static_cast<void>(copy.release()); // the data set owns it now
        }
    }
}

std::string text_of(DcmDataset& data, const DcmTagKey& tag)
{
    OFString value;
    static_cast<void>(data.findAndGetOFString(tag, value)); // absent is empty
    return std::string{trimmed(std::string_view{value.c_str(), value.size()})};
}

void describe(DcmDataset& data, const std::string& sop)
{
    const std::vector<std::pair<DcmTagKey, const char*>> texts{
        {DCM_SOPClassUID, secondary_capture},
        {DCM_SOPInstanceUID, sop.c_str()},
        {DCM_ImageType, "DERIVED\\SECONDARY"},
        {DCM_ConversionType, "SYN"},
        {DCM_BurnedInAnnotation, "NO"},
        {DCM_InstanceNumber, "9999"}, // behind the objects it speaks of
        {DCM_PatientOrientation, ""},
        {DCM_SecondaryCaptureDeviceManufacturer, "FIONA"},
        {DCM_PhotometricInterpretation, "MONOCHROME2"}};
    for (const auto& [tag, value] : texts) {
        check(data.putAndInsertString(tag, value), "describe a picture");
    }
    const std::array<std::pair<DcmTagKey, Uint16>, 7> numbers{{{DCM_SamplesPerPixel, 1},
                                                               {DCM_Rows, side},
                                                               {DCM_Columns, side},
                                                               {DCM_BitsAllocated, 8},
                                                               {DCM_BitsStored, 8},
                                                               {DCM_HighBit, 7},
                                                               {DCM_PixelRepresentation, 0}}};
    for (const auto& [tag, value] : numbers) {
        check(data.putAndInsertUint16(tag, value), "describe a picture");
    }
}

} // namespace

ReadyObject write_no_image_picture(const SeriesUid& original, const NoImageSeries& series,
                                   const anonymize::Settings& settings)
{
    DcmFileFormat sample;
    constexpr Uint32 longest_value_in_memory = 4096;
    check(
        sample.loadFile(series.sample.c_str(), EXS_Unknown, EGL_noChange, longest_value_in_memory),
        "read a de-identified object");
    anonymize::UidMap uids{settings.scheme, settings.project.str(), anonymize::read_key(settings)};

    ReadyObject object;
    object.new_sop = uids.map(original.str() + "noimage", anonymize::UidForm::instance);
    object.file = series.sample.parent_path() / ("SC." + object.new_sop + ".dcm");
    object.sop_class = secondary_capture;
    object.is_added = true;

    DcmFileFormat picture;
    auto& data = *picture.getDataset();
    copy_common(*sample.getDataset(), data);
    describe(data, object.new_sop);
    object.new_series = text_of(data, DCM_SeriesInstanceUID);
    const auto samples =
        drawn({"This series has no images for a viewer,", "but objects that are here all the same.",
               "", "Series: " + text_of(data, DCM_SeriesDescription),
               fmt::format("Objects: {}", series.objects), fmt::format("Bytes: {}", series.bytes)});
    check(data.putAndInsertUint8Array(DCM_PixelData, samples.data(), samples.size()),
          "draw a picture");
    const auto part = series.sample.parent_path() / (".SC." + object.new_sop + ".part");
    check(picture.saveFile(part.c_str(), EXS_LittleEndianExplicit), "write a picture");
    std::filesystem::rename(part, object.file);
    object.bytes = std::filesystem::file_size(object.file);
    object.sha256 = anonymize::sha256_of_file(object.file);
    object.series_tag = log::uid_tag(object.new_series);
    object.object_tag = log::uid_tag(object.new_sop);
    return object;
}

} // namespace fiona::transfer
