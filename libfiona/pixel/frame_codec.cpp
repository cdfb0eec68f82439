// SPDX-License-Identifier: MIT
#include "libfiona/pixel/frame_codec.h"

#include "libfiona/base/error.h"
#include "libfiona/dicom/check.h"
#include "libfiona/dicom/run_lengths.h"

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dcpixel.h>
#include <dcmtk/dcmdata/dcpixseq.h>
#include <dcmtk/dcmdata/dcpxitem.h>
#include <dcmtk/dcmdata/dcrledrg.h>
#include <dcmtk/dcmdata/dcrleerg.h>
#include <dcmtk/dcmdata/dctk.h>
#include <dcmtk/dcmjpeg/djdecode.h>
#include <dcmtk/dcmjpeg/djencode.h>
#include <dcmtk/dcmjpeg/djrplol.h>
#include <dcmtk/dcmjpls/djdecode.h>
#include <dcmtk/dcmjpls/djencode.h>
#include <dcmtk/dcmjpls/djrparam.h>

#include <algorithm>
#include <memory>
#include <span>

namespace fiona::pixel {

namespace {

using dicom::check;

/// All that a frame's fragments hold.
Bytes joined(const std::vector<Bytes>& fragments)
{
    Bytes stream;
    for (const auto& fragment : fragments) {
        stream.insert(stream.end(), fragment.begin(), fragment.end());
    }
    return stream;
}

E_TransferSyntax syntax_of(std::string_view uid)
{
    return DcmXfer{std::string{uid}.c_str()}.getXfer();
}

void put(DcmItem& item, const DcmTagKey& tag, unsigned value)
{
    check(item.putAndInsertUint16(tag, static_cast<Uint16>(value)), "describe a frame");
}

/// The image pixel module of one frame, all that a codec asks for.
void describe(DcmItem& item, const PixelLayout& layout)
{
    put(item, DCM_Rows, layout.rows);
    put(item, DCM_Columns, layout.columns);
    put(item, DCM_SamplesPerPixel, layout.samples);
    put(item, DCM_BitsAllocated, layout.bits_allocated);
    put(item, DCM_BitsStored, layout.bits_stored);
    put(item, DCM_HighBit, layout.high_bit);
    put(item, DCM_PixelRepresentation, layout.is_signed ? 1 : 0);
    if (layout.samples > 1) {
        put(item, DCM_PlanarConfiguration, layout.is_planar ? 1 : 0);
    }
    const std::string word{word_of(layout.photometric)};
    check(item.putAndInsertString(DCM_PhotometricInterpretation, word.c_str()), "describe a frame");
    check(item.putAndInsertString(DCM_SOPClassUID, UID_SecondaryCaptureImageStorage),
          "describe a frame");
    check(item.putAndInsertString(DCM_SOPInstanceUID, "1.2.3"), "describe a frame");
}

/// Fragments as DCMTK wants them; DCMTK owns what it is given.
std::unique_ptr<DcmPixelData> pixel_data_of(const std::vector<Bytes>& fragments,
                                            E_TransferSyntax syntax)
{
    auto sequence = std::make_unique<DcmPixelSequence>(DcmTag{DCM_PixelSequenceTag});
    check(sequence->insert(std::make_unique<DcmPixelItem>(DcmTag{DCM_PixelItemTag}).release()),
          "collect fragments");
    for (const auto& fragment : fragments) {
        auto item = std::make_unique<DcmPixelItem>(DcmTag{DCM_PixelItemTag});
        check(item->putUint8Array(fragment.data(), fragment.size()), "collect fragments");
        check(sequence->insert(item.release()), "collect fragments");
    }
    auto pixels = std::make_unique<DcmPixelData>(DcmTag{DCM_PixelData, EVR_OB});
    pixels->putOriginalRepresentation(syntax, nullptr, sequence.release());
    return pixels;
}

DcmPixelData& pixel_data(DcmItem& item)
{
    DcmElement* element = nullptr;
    check(item.findAndGetElement(DCM_PixelData, element), "find the pixel data");
    auto* const pixels = dynamic_cast<DcmPixelData*>(element);
    if (pixels == nullptr) {
        throw Error{Fault::data, "no pixel data"};
    }
    return *pixels;
}

Bytes native_bytes(DcmItem& item, const PixelLayout& layout)
{
    auto& pixels = pixel_data(item);
    const auto size = layout.frame_bytes();
    if (pixels.getLength() < size) {
        throw Error{Fault::data, "a frame has fewer samples than rows and columns say"};
    }
    Bytes bytes(size);
    if (layout.bits_allocated == 8) {
        Uint8* values = nullptr;
        if (pixels.getUint8Array(values).good() && values != nullptr) {
            std::copy_n(values, size, bytes.begin());
            return bytes;
        }
    }
    Uint16* words = nullptr; // in the order of this machine
    check(pixels.getUint16Array(words), "read a decoded frame");
    for (std::size_t i = 0; i < size; ++i) {
        bytes[i] = static_cast<std::uint8_t>(words[i / 2] >> (i % 2 * 8));
    }
    return bytes;
}

PixelLayout decoded_layout(DcmItem& item, const PixelLayout& before)
{
    auto layout = PixelDescription::read(item).layout;
    if (layout.rows != before.rows || layout.columns != before.columns
        || layout.samples != before.samples || layout.bits_allocated != before.bits_allocated) {
        throw Error{Fault::data, "a frame is of another shape than the header says"};
    }
    return layout;
}

/// ISO 10918-1 §B.1.1: from the start of a JPEG to its first scan there are segments, each with a length.
/// TEM has none; DCMTK 3.6.7 steps over it by nothing, for ever.
void check_jpeg_segments(const Bytes& stream)
{
    constexpr std::uint8_t mark = 0xff;
    constexpr std::uint8_t start_of_image = 0xd8;
    constexpr std::uint8_t start_of_scan = 0xda;
    constexpr std::uint8_t first_with_length = 0xc0;
    const auto bad = [] { return Error{Fault::data, "a JPEG frame without a scan"}; };
    if (stream.size() < 2 || stream[0] != mark || stream[1] != start_of_image) {
        throw bad();
    }
    std::size_t at = 2;
    while (at + 4 <= stream.size()) {
        const auto marker = stream[at + 1];
        if (stream[at] != mark) {
            throw bad();
        }
        if (marker == mark) { // fill bytes
            ++at;
            continue;
        }
        const bool is_restart_or_frame_end = marker >= 0xd0 && marker <= 0xd9;
        const std::size_t length = std::size_t{stream[at + 2]} << 8U | stream[at + 3];
        if (marker < first_with_length || is_restart_or_frame_end || length < 2) {
            throw Error{Fault::data, "a JPEG marker that cannot stand before a scan"};
        }
        if (marker == start_of_scan) {
            return;
        }
        at += 2 + length;
    }
    throw bad();
}

std::unique_ptr<DcmRepresentationParameter> parameter_of(Compression compression)
{
    switch (compression) {
    case Compression::jpeg_lossless: return std::make_unique<DJ_RPLossless>(1);
    case Compression::jpeg_ls: return std::make_unique<DJLSRepresentationParameter>(0, OFTrue);
    default: return nullptr;
    }
}

/// PS3.5 §G.3.1: of each segment come the bytes of one byte plane.
bool fills_plane(std::span<const std::uint8_t> segment, const PixelLayout& layout)
{
    dicom::RunLengths runs{layout.pixels()};
    static_cast<void>(runs.pass(std::as_bytes(segment)));
    return runs.is_full();
}

/// PS3.5 §G.5: fifteen offsets at most. DCMTK 3.6.7 takes segments that end early, and shows nothing where
/// the rest was.
void check_rle_segments(const Bytes& frame, const PixelLayout& layout)
{
    constexpr std::size_t header = 64;
    constexpr std::size_t most = 15;
    const auto number = [&](std::size_t index) {
        std::size_t value = 0;
        for (std::size_t byte = 4; byte > 0; --byte) {
            value = value << 8U | frame[index * 4 + byte - 1];
        }
        return value;
    };
    if (frame.size() < header || number(0) == 0 || number(0) > most) {
        throw Error{Fault::data, "an RLE frame without a header"};
    }
    const auto count = number(0);
    for (std::size_t i = 1; i <= count; ++i) {
        const auto start = number(i);
        const auto end = i == count ? frame.size() : number(i + 1);
        if (start < header || start > end || end > frame.size()
            || !fills_plane({frame.data() + start, end - start}, layout)) {
            throw Error{Fault::data, "an RLE frame that ends early"};
        }
    }
}

} // namespace

Compression compression_of(std::string_view transfer_syntax)
{
    using enum Compression;
    switch (syntax_of(transfer_syntax)) {
    case EXS_LittleEndianImplicit:
    case EXS_LittleEndianExplicit:
    case EXS_BigEndianExplicit:
    case EXS_DeflatedLittleEndianExplicit: return native;
    case EXS_RLELossless: return rle;
    case EXS_JPEGProcess14:
    case EXS_JPEGProcess14SV1: return jpeg_lossless;
    case EXS_JPEGProcess1:
    case EXS_JPEGProcess2_4: return jpeg_lossy;
    case EXS_JPEGLSLossless:
    case EXS_JPEGLSLossy: return jpeg_ls;
    case EXS_JPEG2000LosslessOnly:
    case EXS_JPEG2000: return jpeg_2000;
    default: return unknown;
    }
}

Codecs::Codecs()
{
    static const bool once = [] {
        DcmRLEDecoderRegistration::registerCodecs();
        DcmRLEEncoderRegistration::registerCodecs();
        DJDecoderRegistration::registerCodecs(EDC_photometricInterpretation, EUC_never,
                                              EPC_colorByPixel);
        DJEncoderRegistration::registerCodecs(ECC_lossyYCbCr, EUC_never, OFFalse, 0, 0, 0, OFFalse);
        DJLSDecoderRegistration::registerCodecs(EJLSUC_never, EJLSPC_colorByPixel);
        DJLSEncoderRegistration::registerCodecs(0, 0, 0, 0, OFTrue, 0, OFFalse, EJLSUC_never);
        return true;
    }();
    static_cast<void>(once);
}

Frame decode_frame(const std::vector<Bytes>& fragments, const PixelLayout& layout,
                   const std::string& transfer_syntax)
{
    const auto compression = compression_of(transfer_syntax);
    if (compression == Compression::jpeg_2000) {
        return decode_jpeg_2000(joined(fragments), layout);
    }
    if (compression == Compression::rle) {
        check_rle_segments(joined(fragments), layout);
    }
    const bool is_jpeg = compression == Compression::jpeg_lossless
                         || compression == Compression::jpeg_lossy
                         || compression == Compression::jpeg_ls;
    if (is_jpeg && !fragments.empty()) { // the other fragments go on where it ends
        check_jpeg_segments(fragments.front());
    }
    DcmDataset frame;
    describe(frame, layout);
    const auto syntax = syntax_of(transfer_syntax);
    check(frame.insert(pixel_data_of(fragments, syntax).release(), OFTrue), "prepare a frame");
    frame.updateOriginalXfer();
    check(frame.chooseRepresentation(EXS_LittleEndianExplicit, nullptr), "decode a frame");
    Frame result{decoded_layout(frame, layout), {}};
    result.samples = native_bytes(frame, result.layout);
    return result;
}

std::vector<Bytes> encode_frame(const Frame& frame, const std::string& transfer_syntax)
{
    DcmDataset data_set;
    describe(data_set, frame.layout);
    if (frame.layout.bits_allocated == 8) {
        check(data_set.putAndInsertUint8Array(DCM_PixelData, frame.samples.data(),
                                              frame.samples.size()),
              "prepare a frame");
    } else {
        std::vector<Uint16> words(frame.samples.size() / 2);
        for (std::size_t i = 0; i < words.size(); ++i) {
            words[i] = static_cast<Uint16>(frame.samples[2 * i] | frame.samples[2 * i + 1] << 8U);
        }
        check(data_set.putAndInsertUint16Array(DCM_PixelData, words.data(), words.size()),
              "prepare a frame");
    }
    const auto syntax = syntax_of(transfer_syntax);
    const auto parameter = parameter_of(compression_of(transfer_syntax));
    check(data_set.chooseRepresentation(syntax, parameter.get()), "encode a frame");

    DcmPixelSequence* sequence = nullptr;
    check(pixel_data(data_set).getEncapsulatedRepresentation(syntax, parameter.get(), sequence),
          "read an encoded frame");
    std::vector<Bytes> fragments;
    for (unsigned long i = 1; i < sequence->card(); ++i) {
        DcmPixelItem* item = nullptr;
        Uint8* bytes = nullptr;
        check(sequence->getItem(item, i), "read an encoded frame");
        check(item->getUint8Array(bytes), "read an encoded frame");
        fragments.emplace_back(bytes, bytes + item->getLength());
    }
    return fragments;
}

std::string lossless_syntax(std::string_view transfer_syntax)
{
    switch (compression_of(transfer_syntax)) {
    case Compression::native:
        return syntax_of(transfer_syntax) == EXS_DeflatedLittleEndianExplicit
                   ? UID_LittleEndianExplicitTransferSyntax
                   : std::string{transfer_syntax};
    case Compression::rle: return UID_RLELosslessTransferSyntax;
    case Compression::jpeg_lossless: return std::string{transfer_syntax};
    case Compression::jpeg_lossy: return UID_JPEGProcess14SV1TransferSyntax;
    case Compression::jpeg_ls: return UID_JPEGLSLosslessTransferSyntax;
    default: return UID_LittleEndianExplicitTransferSyntax;
    }
}

} // namespace fiona::pixel
