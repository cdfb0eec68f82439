// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/pixel/gray.h"
#include "tests/support/phantom_pixels.h"

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dctk.h>

#include <filesystem>
#include <stdexcept>
#include <string>
#include <vector>

/// Pictures and files for the tests of the room: text in a bitmap font on synthetic grounds.
namespace pictures {

inline fiona::pixel::GrayPlane plane_of(const phantom::Canvas& canvas)
{
    return {canvas.columns, canvas.rows, canvas.bytes};
}

inline fiona::pixel::Box box_of(const phantom::DrawnBox& drawn)
{
    return {drawn.x, drawn.y, drawn.x + drawn.width, drawn.y + drawn.height};
}

/// Share of `box` that the others cover.
template <typename Boxes>
double covered(const fiona::pixel::Box& box, const Boxes& boxes)
{
    std::uint64_t hit = 0;
    for (auto y = box.y0; y < box.y1; ++y) {
        for (auto x = box.x0; x < box.x1; ++x) {
            for (const auto& other : boxes) {
                if (other.box.covers({x, y, x + 1, y + 1})) {
                    ++hit;
                    break;
                }
            }
        }
    }
    return static_cast<double>(hit) / static_cast<double>(box.area());
}

/// A header of an 8 bit gray image; pixels are put in by the caller.
struct Image {
    std::uint16_t rows = 96;
    std::uint16_t columns = 256;
    std::uint16_t samples = 1;
    std::uint16_t bits_allocated = 8;
    std::uint16_t bits_stored = 8;
    bool is_signed = false;
    std::string photometric = "MONOCHROME2";
    int frames = 1;
};

inline void describe(DcmItem& data, const Image& image)
{
    data.putAndInsertString(DCM_SOPClassUID, UID_SecondaryCaptureImageStorage);
    data.putAndInsertString(DCM_SOPInstanceUID, "1.2.826.0.1.3680043.10.999.7.4");
    data.putAndInsertString(DCM_StudyInstanceUID, "1.2.826.0.1.3680043.10.999.7.5");
    data.putAndInsertString(DCM_SeriesInstanceUID, "1.2.826.0.1.3680043.10.999.7.6");
    data.putAndInsertString(DCM_ImageType, "ORIGINAL\\PRIMARY");
    data.putAndInsertString(DCM_PatientName, "Quixotic^Zephyrina");
    data.putAndInsertUint16(DCM_Rows, image.rows);
    data.putAndInsertUint16(DCM_Columns, image.columns);
    data.putAndInsertUint16(DCM_SamplesPerPixel, image.samples);
    data.putAndInsertUint16(DCM_BitsAllocated, image.bits_allocated);
    data.putAndInsertUint16(DCM_BitsStored, image.bits_stored);
    data.putAndInsertUint16(DCM_HighBit, static_cast<Uint16>(image.bits_stored - 1));
    data.putAndInsertUint16(DCM_PixelRepresentation, image.is_signed ? 1 : 0);
    data.putAndInsertString(DCM_PhotometricInterpretation, image.photometric.c_str());
    if (image.samples == 3) {
        data.putAndInsertUint16(DCM_PlanarConfiguration, 0);
    }
    if (image.frames != 1) {
        data.putAndInsertString(DCM_NumberOfFrames, std::to_string(image.frames).c_str());
    }
}

/// Writes pixels of one layout as a native file.
inline std::filesystem::path save(const std::filesystem::path& file, const Image& image,
                                  const std::vector<std::uint8_t>& pixels)
{
    DcmFileFormat format;
    auto& data = *format.getDataset();
    describe(data, image);
    if (image.bits_allocated == 16) {
        std::vector<Uint16> words(pixels.size() / 2);
        for (std::size_t i = 0; i < words.size(); ++i) {
            words[i] = static_cast<Uint16>(pixels[2 * i] | pixels[2 * i + 1] << 8U);
        }
        data.putAndInsertUint16Array(DCM_PixelData, words.data(), words.size());
    } else {
        data.putAndInsertUint8Array(DCM_PixelData, pixels.data(), pixels.size());
    }
    if (format.saveFile(file.c_str(), EXS_LittleEndianExplicit).bad()) {
        throw std::runtime_error{"cannot write a picture"};
    }
    return file;
}

/// "DOE JANE 4711" in white on a gray ground, and where.
struct Written {
    phantom::Canvas canvas;
    fiona::pixel::Box text;
};
inline Written written(unsigned rows = 96, unsigned columns = 256, std::uint8_t ground = 30)
{
    Written result{phantom::plain_canvas(rows, columns, 1, ground), {}};
    result.text = box_of(phantom::draw_text(result.canvas, 40, 40, 2, "DOE JANE 4711"));
    return result;
}

} // namespace pictures
