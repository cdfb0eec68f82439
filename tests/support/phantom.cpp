// SPDX-License-Identifier: MIT
#include "tests/support/phantom.h"

#include "libfiona/base/files.h"
#include "libfiona/dicom/check.h"
#include "libfiona/dicom/library.h"
#include "tests/support/phantom_facts.h"
#include "tests/support/phantom_pixels.h"

#include <dcmtk/dcmdata/dcrleerg.h>
#include <dcmtk/dcmjpeg/djencode.h>
#include <dcmtk/dcmjpls/djencode.h>
#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace phantom {

using fiona::dicom::check;
namespace fs = std::filesystem;

namespace {

/// DCMTK's encoders, registered for the life of the process.
struct Encoders {
    Encoders()
    {
        DcmRLEEncoderRegistration::registerCodecs();
        DJEncoderRegistration::registerCodecs();
        DJLSEncoderRegistration::registerCodecs();
    }
    Encoders(const Encoders&) = delete;
    Encoders& operator=(const Encoders&) = delete;
    ~Encoders()
    {
        DJLSEncoderRegistration::cleanup();
        DJEncoderRegistration::cleanup();
        DcmRLEEncoderRegistration::cleanup();
    }
};

E_TransferSyntax dcmtk_syntax(TransferSyntax syntax)
{
    switch (syntax) {
    case TransferSyntax::explicit_little_endian: break;
    case TransferSyntax::implicit_little_endian: return EXS_LittleEndianImplicit;
    case TransferSyntax::explicit_big_endian: return EXS_BigEndianExplicit;
    case TransferSyntax::deflated: return EXS_DeflatedLittleEndianExplicit;
    case TransferSyntax::rle: return EXS_RLELossless;
    case TransferSyntax::jpeg_lossless: return EXS_JPEGProcess14SV1;
    case TransferSyntax::jpeg_ls_lossless: return EXS_JPEGLSLossless;
    }
    return EXS_LittleEndianExplicit;
}

/// Fills a data set and writes it; `fill` gets the writer after the common header.
void write_object(const fs::path& file, const Facts& facts, const Instance& instance,
                  TransferSyntax syntax, const std::function<void(Writer&)>& fill)
{
    static const Encoders encoders;
    const fiona::dicom::Library library;
    DcmFileFormat format;
    Writer writer{*format.getDataset(), facts.charset};
    put_header(writer, facts, instance);
    fill(writer);
    const auto wanted = dcmtk_syntax(syntax);
    check(format.getDataset()->chooseRepresentation(wanted, nullptr), "encode a phantom");
    check(format.saveFile(file.c_str(), wanted), "save a phantom");
}

struct Layout {
    std::uint16_t rows = 0;
    std::uint16_t columns = 0;
    std::uint16_t samples = 1;
    std::uint16_t allocated = 16;
    std::uint16_t stored = 12;
};

void put_layout(Writer& writer, const Layout& layout)
{
    writer.number(DCM_SamplesPerPixel, layout.samples)
        .text(DCM_PhotometricInterpretation, layout.samples == 3 ? "RGB" : "MONOCHROME2")
        .number(DCM_Rows, layout.rows)
        .number(DCM_Columns, layout.columns)
        .number(DCM_BitsAllocated, layout.allocated)
        .number(DCM_BitsStored, layout.stored)
        .number(DCM_HighBit, static_cast<std::uint16_t>(layout.stored - 1))
        .number(DCM_PixelRepresentation, 0);
    if (layout.samples == 3) {
        writer.number(DCM_PlanarConfiguration, 0);
    }
}

void put_slice(Writer& writer, const Facts& facts, std::uint16_t rows, unsigned number,
               unsigned seed)
{
    writer.text(DCM_ImageType, "ORIGINAL\\PRIMARY\\AXIAL")
        .text(DCM_AcquisitionNumber, "1")
        .text(DCM_AcquisitionDate, facts.date)
        .text(DCM_AcquisitionTime, facts.time)
        .text(DCM_FrameOfReferenceUID, facts.frame_of_reference)
        .text(DCM_PositionReferenceIndicator, "")
        .text(DCM_PatientPosition, "HFS")
        .text(DCM_SliceThickness, "2")
        .text(DCM_PixelSpacing, "0.9\\0.9")
        .text(DCM_ImageOrientationPatient, "1\\0\\0\\0\\1\\0")
        .text(DCM_ImagePositionPatient, fmt::format("-115\\-115\\{}", 2 * number))
        .text(DCM_SliceLocation, fmt::format("{}", 2 * number))
        .text(DCM_ImageComments, fmt::format("for {}", facts.patient.name))
        .text(DCM_BurnedInAnnotation, "NO")
        .text(DCM_WindowCenter, "1000")
        .text(DCM_WindowWidth, "2000");
    put_layout(writer, {rows, rows});
    const auto pixels = gray_slice(rows, rows, seed);
    check(writer.dcmtk().putAndInsertUint16Array(DCM_PixelData, pixels.data(), pixels.size()),
          "insert pixels");
}

void put_mr(Writer& writer)
{
    writer.text(DCM_ScanningSequence, "EP")
        .text(DCM_SequenceVariant, "SK\\SP")
        .text(DCM_ScanOptions, "PFP\\FS")
        .text(DCM_MRAcquisitionType, "2D")
        .text(DCM_SequenceName, "*ep_b1000#1")
        .text(DCM_RepetitionTime, "9300")
        .text(DCM_EchoTime, "92")
        .text(DCM_EchoNumbers, "1")
        .text(DCM_EchoTrainLength, "95")
        .text(DCM_FlipAngle, "90")
        .text(DCM_MagneticFieldStrength, "3")
        .text(DCM_ImagingFrequency, "123.249")
        .text(DCM_ImagedNucleus, "1H")
        .text(DCM_NumberOfAverages, "1")
        .text(DCM_PixelBandwidth, "1502")
        .text(DCM_BodyPartExamined, "HEAD");
}

void put_ct(Writer& writer)
{
    writer.text(DCM_KVP, "120")
        .text(DCM_ExposureTime, "500")
        .text(DCM_XRayTubeCurrent, "200")
        .text(DCM_ConvolutionKernel, "B30f")
        .text(DCM_RescaleIntercept, "-1024")
        .text(DCM_RescaleSlope, "1")
        .text(DCM_RescaleType, "HU")
        .text(DCM_BodyPartExamined, "CHEST");
}

/// What stands in the corner of many a screen: name, id and birth date, then date and place.
std::vector<DrawnBox> draw_banner(Canvas& canvas, const Facts& facts)
{
    const auto scale = std::max(1U, canvas.columns / 320);
    const auto line = 10 * scale;
    const auto margin = 4 * scale;
    return {draw_text(canvas, margin, margin, scale, facts.patient.name),
            draw_text(canvas, margin, margin + line, scale, "ID " + facts.patient.id),
            draw_text(canvas, margin, margin + 2 * line, scale, "BORN " + facts.patient.birth_date),
            draw_text(canvas, margin, margin + 3 * line, scale, facts.institution)};
}

void put_bytes(Writer& writer, const std::vector<std::uint8_t>& pixels)
{
    check(writer.dcmtk().putAndInsertUint8Array(DCM_PixelData, pixels.data(), pixels.size()),
          "insert pixels");
}

} // namespace

Study::Study(Patient patient, unsigned seed, Charset charset)
    : m_facts{std::make_unique<Facts>(make_facts(std::move(patient), seed, charset))}
{
}

Study::Study(Study&&) noexcept = default;
Study& Study::operator=(Study&&) noexcept = default;
Study::~Study() = default;

const std::string& Study::uid() const
{
    return m_facts->study;
}

Instance Study::instance(const char* modality, const char* sop_class,
                         const std::string& description, unsigned number) const
{
    return {modality,
            sop_class,
            phantom::uid(m_facts->seed, fmt::format("series {}", m_series)),
            phantom::uid(m_facts->seed, fmt::format("series {} instance {}", m_series, number)),
            description,
            m_series,
            number};
}

void Study::add(const Instance& instance, TransferSyntax syntax, std::function<void(Writer&)> fill)
{
    m_objects.push_back(
        {instance.modality, instance.sop_class, instance.series, instance.uid,
         [facts = m_facts.get(), instance, syntax, fill = std::move(fill)](const fs::path& file) {
             write_object(file, *facts, instance, syntax, fill);
         }});
}

Study& Study::add_mr_series(const MrSeries& series)
{
    ++m_series;
    for (unsigned number = 1; number <= series.images; ++number) {
        const auto seed = m_facts->seed * 100'000 + m_series * 1000 + number;
        add(instance("MR", UID_MRImageStorage, series.description, number), series.transfer_syntax,
            [facts = m_facts.get(), series, number, seed](Writer& writer) {
                put_slice(writer, *facts, series.rows, number, seed);
                put_mr(writer);
                if (series.private_groups == PrivateGroups::siemens) {
                    put_siemens_groups(writer, *facts, series.csa_bytes);
                }
            });
    }
    return *this;
}

Study& Study::add_ct_series(const CtSeries& series)
{
    ++m_series;
    for (unsigned number = 1; number <= series.images; ++number) {
        const auto seed = m_facts->seed * 100'000 + m_series * 1000 + number;
        add(instance("CT", UID_CTImageStorage, series.description, number), series.transfer_syntax,
            [facts = m_facts.get(), series, number, seed](Writer& writer) {
                put_slice(writer, *facts, series.rows, number, seed);
                put_ct(writer);
            });
    }
    return *this;
}

void Study::note_text(unsigned rows, unsigned columns)
{
    auto canvas = plain_canvas(rows, columns, 1, 0);
    for (const auto& box : draw_banner(canvas, *m_facts)) {
        m_text.push_back({m_objects.size() - 1, box.x, box.y, box.width, box.height});
    }
}

Study& Study::add_us_with_text(const UltrasoundSeries& series)
{
    ++m_series;
    const auto* const sop_class =
        series.frames > 1 ? UID_UltrasoundMultiframeImageStorage : UID_UltrasoundImageStorage;
    add(instance("US", sop_class, series.description, 1), series.transfer_syntax,
        [facts = m_facts.get(), series](Writer& writer) {
            writer.text(DCM_ImageType, "ORIGINAL\\PRIMARY")
                .text(DCM_BurnedInAnnotation, "YES")
                .text(DCM_LossyImageCompression, "00");
            if (series.frames > 1) {
                writer.text(DCM_NumberOfFrames, fmt::format("{}", series.frames))
                    .text(DCM_FrameTime, "33.3");
                check(writer.dcmtk().putAndInsertTagKey(DCM_FrameIncrementPointer, DCM_FrameTime),
                      "insert the frame pointer");
            }
            put_layout(writer, {series.rows, series.columns, 3, 8, 8});
            std::vector<std::uint8_t> pixels;
            for (unsigned frame = 0; frame < series.frames; ++frame) {
                auto canvas = ultrasound_fan(series.rows, series.columns, facts->seed + frame);
                draw_banner(canvas, *facts);
                pixels.insert(pixels.end(), canvas.bytes.begin(), canvas.bytes.end());
            }
            put_bytes(writer, pixels);
        });
    note_text(series.rows, series.columns);
    return *this;
}

Study& Study::add_secondary_capture(const SecondaryCapture& capture)
{
    ++m_series;
    add(instance("OT", UID_SecondaryCaptureImageStorage, capture.description, 1),
        capture.transfer_syntax, [facts = m_facts.get(), capture](Writer& writer) {
            writer.text(DCM_ImageType, "DERIVED\\SECONDARY")
                .text(DCM_ConversionType, "WSD")
                .text(DCM_SecondaryCaptureDeviceID, facts->station)
                .text(DCM_BurnedInAnnotation, "YES");
            put_layout(writer, {capture.rows, capture.columns, 1, 8, 8});
            constexpr std::uint8_t dark = 30;
            auto canvas = plain_canvas(capture.rows, capture.columns, 1, dark);
            draw_banner(canvas, *facts);
            put_bytes(writer, canvas.bytes);
        });
    note_text(capture.rows, capture.columns);
    return *this;
}

std::vector<Study::Object> Study::first_images() const
{
    constexpr std::size_t enough = 3;
    std::vector<Object> images;
    for (const auto& object : m_objects) {
        if (object.modality != "SR" && object.modality != "PR" && images.size() < enough) {
            images.push_back(object);
        }
    }
    return images;
}

Study& Study::add_structured_report()
{
    std::vector<Reference> images;
    for (const auto& image : first_images()) {
        images.push_back({image.series, image.sop_class, image.uid});
    }
    ++m_series;
    add(instance("SR", UID_BasicTextSRStorage, "Report", 1), TransferSyntax::explicit_little_endian,
        [facts = m_facts.get(), images](Writer& writer) {
            put_report_content(writer, *facts, images);
        });
    return *this;
}

Study& Study::add_presentation_state()
{
    const auto images = first_images();
    if (images.empty()) {
        throw std::logic_error{"a presentation state needs an image of the study to refer to"};
    }
    const Reference image{images[0].series, images[0].sop_class, images[0].uid};
    ++m_series;
    add(instance("PR", UID_GrayscaleSoftcopyPresentationStateStorage, "Marks", 1),
        TransferSyntax::explicit_little_endian, [facts = m_facts.get(), image](Writer& writer) {
            put_presentation_content(writer, *facts, image);
        });
    return *this;
}

std::vector<fs::path> Study::write_to(const fs::path& directory) const
{
    fiona::make_directories(directory);
    std::vector<fs::path> files;
    for (std::size_t i = 0; i < m_objects.size(); ++i) {
        files.push_back(directory / fmt::format("{}{:05}.dcm", m_objects[i].modality, i + 1));
        m_objects[i].write(files.back());
    }
    return files;
}

std::vector<std::string> Study::series_uids() const
{
    std::vector<std::string> uids;
    for (const auto& object : m_objects) {
        if (uids.empty() || uids.back() != object.series) {
            uids.push_back(object.series);
        }
    }
    return uids;
}

std::vector<std::string> Study::sop_instance_uids() const
{
    std::vector<std::string> uids;
    uids.reserve(m_objects.size());
    for (const auto& object : m_objects) {
        uids.push_back(object.uid);
    }
    return uids;
}

Identity Study::identity() const
{
    auto identity = identity_of(*m_facts);
    identity = merged(std::move(identity), {{"uid", series_uids()}});
    return merged(std::move(identity), {{"uid", sop_instance_uids()}});
}

} // namespace phantom
