// SPDX-License-Identifier: MIT
#include "libfiona/pixel/description.h"

#include "libfiona/base/error.h"
#include "libfiona/base/number.h"
#include "libfiona/base/text.h"
#include "libfiona/base/words.h"

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dctk.h>

namespace fiona::pixel {

namespace {

constexpr WordTable<Photometric, 9> photometric_words{{
    {Photometric::monochrome1, "MONOCHROME1"},
    {Photometric::monochrome2, "MONOCHROME2"},
    {Photometric::palette, "PALETTE COLOR"},
    {Photometric::rgb, "RGB"},
    {Photometric::ybr_full, "YBR_FULL"},
    {Photometric::ybr_full_422, "YBR_FULL_422"},
    {Photometric::ybr_partial_422, "YBR_PARTIAL_422"},
    {Photometric::ybr_ict, "YBR_ICT"},
    {Photometric::ybr_rct, "YBR_RCT"},
}};

Photometric read_photometric(DcmItem& item)
{
    OFString text;
    item.findAndGetOFString(DCM_PhotometricInterpretation, text);
    const auto photometric =
        meaning_of(photometric_words, trimmed(std::string_view{text.data(), text.size()}));
    if (!photometric) {
        throw Error{Fault::data, "photometric interpretation missing or not supported"};
    }
    return *photometric;
}

/// An IS of digits only; 1 if absent or empty.
std::uint32_t read_frames(DcmItem& item)
{
    OFString text;
    if (item.findAndGetOFString(DCM_NumberOfFrames, text).bad()) {
        return 1;
    }
    const auto digits = trimmed(std::string_view{text.data(), text.size()});
    if (digits.empty()) {
        return 1;
    }
    const auto frames = read_number<std::uint32_t>(digits).value_or(0);
    if (frames == 0) {
        throw Error{Fault::data, "number of frames is not a positive number"};
    }
    return frames;
}

bool is_monochrome(Photometric photometric)
{
    return photometric == Photometric::monochrome1 || photometric == Photometric::monochrome2
           || photometric == Photometric::palette;
}

void check_bits(const PixelLayout& layout, unsigned representation)
{
    if (layout.bits_allocated != 8 && layout.bits_allocated != 16) {
        throw Error{Fault::data, "{} bits allocated: only 8 and 16 can be looked at",
                    layout.bits_allocated};
    }
    if (layout.bits_stored == 0 || layout.bits_stored > layout.bits_allocated
        || layout.high_bit >= layout.bits_allocated || layout.high_bit + 1 < layout.bits_stored) {
        throw Error{Fault::data, "bits allocated {}, stored {}, high bit {} contradict each other",
                    layout.bits_allocated, layout.bits_stored, layout.high_bit};
    }
    if (representation > 1) {
        throw Error{Fault::data, "illegal pixel representation"};
    }
}

void check_colour(const PixelLayout& layout)
{
    const unsigned expected = is_monochrome(layout.photometric) ? 1 : 3;
    if (layout.samples != expected) {
        throw Error{Fault::data, "{} samples per pixel do not fit {}", layout.samples,
                    word_of(layout.photometric)};
    }
    if (expected == 3 && (layout.bits_allocated != 8 || layout.bits_stored != 8)) {
        throw Error{Fault::data, "colour of more than 8 bits is not supported"};
    }
}

} // namespace

std::string_view word_of(Photometric photometric)
{
    return fiona::word_of(photometric_words, photometric);
}

std::uint64_t PixelLayout::frame_bytes() const
{
    const auto per_pixel = is_subsampled() ? 2U : samples;
    return pixels() * per_pixel * bytes_per_sample();
}

std::uint16_t required_us(DcmItem& item, std::uint16_t group, std::uint16_t element,
                          std::string_view what)
{
    DcmElement* found = nullptr;
    Uint16 value = 0;
    if (item.findAndGetElement(DcmTagKey{group, element}, found).bad() || found->getVM() != 1
        || found->getUint16(value).bad()) {
        throw Error{Fault::data, "{} is missing or no unsigned short", what};
    }
    return value;
}

PixelDescription PixelDescription::read(DcmItem& data_set)
{
    if (data_set.tagExists(DCM_FloatPixelData) || data_set.tagExists(DCM_DoubleFloatPixelData)) {
        throw Error{Fault::data, "floating point pixels cannot be looked at"};
    }
    PixelDescription description;
    auto& layout = description.layout;
    layout.rows = required_us(data_set, 0x0028, 0x0010, "rows");
    layout.columns = required_us(data_set, 0x0028, 0x0011, "columns");
    layout.samples = required_us(data_set, 0x0028, 0x0002, "samples per pixel");
    layout.bits_allocated = required_us(data_set, 0x0028, 0x0100, "bits allocated");
    layout.bits_stored = required_us(data_set, 0x0028, 0x0101, "bits stored");
    layout.high_bit = required_us(data_set, 0x0028, 0x0102, "high bit");
    const unsigned representation = required_us(data_set, 0x0028, 0x0103, "pixel representation");
    if (layout.rows == 0 || layout.columns == 0) {
        throw Error{Fault::data, "no rows or no columns"};
    }
    check_bits(layout, representation);
    layout.is_signed = representation == 1;
    layout.photometric = read_photometric(data_set);
    check_colour(layout);
    if (layout.samples == 3) {
        layout.is_planar = data_set.tagExists(DCM_PlanarConfiguration)
                           && required_us(data_set, 0x0028, 0x0006, "planar configuration") == 1
                           && !layout.is_subsampled();
    }
    description.frames = read_frames(data_set);
    // Rows and columns have 16 bits, samples 2, bytes 2, frames 32: no product overflows 64 bits.
    if (layout.frame_bytes() > max_frame_bytes
        || layout.frame_bytes() * description.frames > max_total_bytes) {
        throw Error{Fault::data, "{} frames of {} bytes are too much", description.frames,
                    layout.frame_bytes()};
    }
    return description;
}

} // namespace fiona::pixel
