// SPDX-License-Identifier: MIT
#include "tests/support/slide_objects.h"

#include "libfiona/base/files.h"
#include "libfiona/base/process.h"
#include "libfiona/pixel/limited_child.h"
#include "libfiona/wsi/openslide_reader.h"

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dcpixseq.h>
#include <dcmtk/dcmdata/dcpxitem.h>
#include <dcmtk/dcmdata/dctk.h>

#include <jpeglib.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <stdexcept>

namespace fs = std::filesystem;

namespace {

[[noreturn]] void refuse(j_common_ptr)
{
    throw std::runtime_error{"libjpeg cannot decode a frame"};
}

void complain(j_common_ptr, int level)
{
    if (level < 0) { // a warning: corrupt data
        throw std::runtime_error{"libjpeg finds a frame damaged"};
    }
}

} // namespace

fiona::wsi::SlideHeader sample_slide_header()
{
    fiona::wsi::SlideHeader header;
    header.record = {.project = "DEMO",
                     .record_id = "DEMO_0001",
                     .event = "baseline",
                     .block_nr = "05",
                     .stain = "[12710003] 06 HE",
                     .biopsy_nr = "02",
                     .biopsy_id = "0002",
                     .slide_id = "0003",
                     .slide_nr = "06",
                     .specimen = "Kidney [64033007]",
                     .rek = "2020/123",
                     .department = "DEP",
                     .database_id = "77",
                     .image_id = "0004"};
    header.uids = {
        "2.25.1", "2.25.2", "2.25.3", "2.25.4", "2.25.5", "2.25.6", [](std::size_t level) {
            return "2.25.7" + std::to_string(level);
        }};
    header.institution = "DEMO";
    header.date_time = "20250305101112";
    return header;
}

std::vector<std::string> frames_of(const fs::path& object)
{
    DcmFileFormat file;
    DcmElement* element = nullptr;
    DcmPixelSequence* sequence = nullptr;
    if (file.loadFile(object.c_str()).bad()
        || file.getDataset()->findAndGetElement(DCM_PixelData, element).bad()) {
        throw std::runtime_error{"no pixel data"};
    }
    auto& pixels = dynamic_cast<DcmPixelData&>(*element);
    const auto syntax = file.getDataset()->getOriginalXfer();
    if (pixels.getEncapsulatedRepresentation(syntax, nullptr, sequence).bad()) {
        throw std::runtime_error{"no encapsulated pixel data"};
    }
    std::vector<std::string> frames;
    for (unsigned long i = 1; i < sequence->card(); ++i) { // item 0 is the offset table
        DcmPixelItem* item = nullptr;
        Uint8* bytes = nullptr;
        if (sequence->getItem(item, i).bad() || item->getUint8Array(bytes).bad()) {
            throw std::runtime_error{"no frame"};
        }
        frames.emplace_back(bytes, bytes + item->getLength());
    }
    return frames;
}

std::string value_of(const fs::path& object, const std::string& keyword)
{
    DcmFileFormat file;
    const DcmDataDictionary& dictionary = dcmDataDict.rdlock();
    const auto* const entry = dictionary.findEntry(keyword.c_str());
    const DcmTagKey key = entry == nullptr ? DcmTagKey{0, 0} : entry->getKey();
    dcmDataDict.rdunlock();
    OFString value;
    if (file.loadFileUntilTag(object.c_str(), EXS_Unknown, EGL_noChange, DCM_MaxReadLength,
                              ERM_autoDetect, DCM_PixelData)
            .bad()
        || file.getDataset()->findAndGetOFStringArray(key, value).bad()) {
        return "absent";
    }
    return value.c_str();
}

Picture decode_jpeg(const std::string& frame)
{
    jpeg_decompress_struct state{};
    jpeg_error_mgr errors{};
    state.err = jpeg_std_error(&errors);
    errors.error_exit = refuse;
    errors.emit_message = complain;
    jpeg_create_decompress(&state);
    const std::vector<unsigned char> bytes(frame.begin(), frame.end());
    jpeg_mem_src(&state, bytes.data(), bytes.size());
    jpeg_read_header(&state, TRUE);
    state.out_color_space = JCS_RGB;
    jpeg_start_decompress(&state);
    Picture picture{state.output_width, state.output_height, {}};
    std::vector<unsigned char> row(std::size_t{picture.width} * 3);
    while (state.output_scanline < state.output_height) {
        JSAMPROW line = row.data();
        jpeg_read_scanlines(&state, &line, 1);
        picture.rgb.append(row.begin(), row.end());
    }
    jpeg_finish_decompress(&state);
    jpeg_destroy_decompress(&state);
    return picture;
}

Picture decode_jpeg_2000(const std::string& frame, const fs::path& scratch)
{
    std::ofstream{scratch / "tile.j2k", std::ios::binary} << frame;
    const auto decoded =
        fiona::run({.arguments = {"opj_decompress", "-quiet", "-i", (scratch / "tile.j2k").native(),
                                  "-o", (scratch / "tile.ppm").native()}});
    if (decoded.exit_code != 0) {
        throw std::runtime_error{"opj_decompress cannot decode a frame"};
    }
    std::istringstream text{fiona::read_file(scratch / "tile.ppm")};
    std::string line;
    std::getline(text, line);    // P6
    while (text.peek() == '#') { // who wrote it
        std::getline(text, line);
    }
    unsigned most = 0;
    Picture picture;
    text >> picture.width >> picture.height >> most;
    text.get();
    if (picture.width == 0 || picture.height == 0 || most != 255) {
        throw std::runtime_error{"opj_decompress wrote another picture than it should"};
    }
    picture.rgb.resize(std::size_t{picture.width} * picture.height * 3);
    text.read(picture.rgb.data(), static_cast<std::streamsize>(picture.rgb.size()));
    return picture;
}

Picture whole_picture(const std::vector<Picture>& tiles, std::uint32_t width, std::uint32_t height)
{
    Picture whole{width, height, std::string(std::size_t{width} * height * 3, '\0')};
    const auto tile_width = tiles.at(0).width;
    const auto tile_height = tiles.at(0).height;
    const auto across = (width + tile_width - 1) / tile_width;
    for (std::uint32_t y = 0; y < height; ++y) {
        for (std::uint32_t column = 0; column < across; ++column) {
            const auto& tile = tiles.at(std::size_t{y / tile_height} * across + column);
            const auto x = column * tile_width;
            const auto pixels = std::min(tile_width, width - x);
            tile.rgb.copy(&whole.rgb[(std::size_t{y} * width + x) * 3], std::size_t{pixels} * 3,
                          std::size_t{y % tile_height} * tile_width * 3);
        }
    }
    return whole;
}

Picture openslide_picture(const fs::path& slide, std::uint32_t width, std::uint32_t height)
{
    return {width, height, fiona::pixel::run_limited({}, [&] {
                const fiona::wsi::LevelReader reader{slide, width, height};
                return reader.read({0, 0, 0, width, height});
            })};
}

int difference(const Picture& left, const Picture& right)
{
    if (left.rgb.size() != right.rgb.size() || left.width != right.width) {
        return 255;
    }
    int most = 0;
    for (std::size_t i = 0; i < left.rgb.size(); ++i) {
        const auto one = static_cast<unsigned char>(left.rgb[i]);
        const auto other = static_cast<unsigned char>(right.rgb[i]);
        most = std::max(most, std::abs(int{one} - int{other}));
    }
    return most;
}
