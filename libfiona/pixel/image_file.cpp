// SPDX-License-Identifier: MIT
#include "libfiona/pixel/image_file.h"

#include "libfiona/base/error.h"
#include "libfiona/dicom/check.h"
#include "libfiona/dicom/code_stream.h"
#include "libfiona/dicom/prescan.h"

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dcostrmb.h>
#include <dcmtk/dcmdata/dctk.h>

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <span>
#include <string_view>
#include <utility>

namespace fiona::pixel {

namespace {

using dicom::check;
namespace fs = std::filesystem;

constexpr Uint32 read_at_once = 4096; // longer values stay in the file until asked for

UniqueFd open_file(const fs::path& path, int flags)
{
    UniqueFd fd{::open(path.c_str(), flags | O_CLOEXEC, 0600)};
    if (!fd) {
        throw os_error(errno, "open an image");
    }
    return fd;
}

std::string path_of(const UniqueFd& fd)
{
    return "/proc/self/fd/" + std::to_string(fd.get());
}

/// The data set without deflation, in a file that nobody else sees.
UniqueFd inflated(const UniqueFd& fd, const fs::path& directory)
{
    DcmFileFormat file;
    check(file.loadFile(path_of(fd).c_str()), "read a deflated file");
    auto plain = open_file(directory, O_TMPFILE | O_RDWR);
    check(file.saveFile(path_of(plain).c_str(), EXS_LittleEndianExplicit),
          "unpack a deflated file");
    return plain;
}

void put(Bytes& bytes, std::uint32_t value, bool is_big)
{
    for (unsigned i = 0; i < 4; ++i) {
        bytes.push_back(static_cast<std::uint8_t>(value >> (is_big ? 24 - 8 * i : 8 * i)));
    }
}

void put_tag(Bytes& bytes, std::uint16_t group, std::uint16_t element, bool is_big)
{
    for (const auto part : {group, element}) {
        const auto low = static_cast<std::uint8_t>(part);
        const auto high = static_cast<std::uint8_t>(part >> 8U);
        bytes.push_back(is_big ? high : low);
        bytes.push_back(is_big ? low : high);
    }
}

void write(store::AtomicFile& file, const Bytes& bytes)
{
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast) bytes are bytes
    file.write({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

/// Meta header and data set, which holds no pixel data, with a preamble of zeros.
void write_header(DcmFileFormat& header, E_TransferSyntax syntax, store::AtomicFile& output)
{
    constexpr std::size_t preamble = 128;
    std::string buffer(std::size_t{1} << 16U, '\0');
    DcmOutputBufferStream stream{buffer.data(), static_cast<offile_off_t>(buffer.size())};
    header.transferInit();
    OFCondition condition = EC_StreamNotifyClient;
    for (bool is_first = true; condition == EC_StreamNotifyClient; is_first = false) {
        condition =
            header.write(stream, syntax, EET_ExplicitLength, nullptr, EGL_recalcGL, EPD_noChange);
        void* bytes = nullptr;
        offile_off_t count = 0;
        stream.flushBuffer(bytes, count);
        std::string piece{static_cast<const char*>(bytes), static_cast<std::size_t>(count)};
        if (is_first) {
            std::fill_n(piece.begin(), std::min(preamble, piece.size()), '\0');
        }
        output.write(piece);
    }
    header.transferEnd();
    check(condition, "write a header");
}

/// The element up to its value, PS3.5 §7.1.
Bytes element_head(const DcmXfer& syntax, std::string_view vr, std::uint32_t length)
{
    const bool is_big = syntax.isBigEndian();
    Bytes head;
    put_tag(head, 0x7fe0, 0x0010, is_big);
    if (syntax.isExplicitVR()) {
        head.insert(head.end(), vr.begin(), vr.end());
        head.insert(head.end(), {0, 0});
    }
    put(head, length, is_big);
    return head;
}

void write_native(const ImageFile& image, const DcmXfer& syntax, store::AtomicFile& output,
                  const std::function<std::optional<Frame>(std::uint32_t)>& change)
{
    const auto& frames = image.frames();
    const auto& layout = image.description().layout;
    auto first = change(0);
    if (!first) {
        first = frames.frame(0);
    }
    const auto total = first->samples.size() * std::uint64_t{frames.frames()};
    if (total >= 0xffffffff) {
        throw Error{Fault::data, "too large for a transfer syntax without compression"};
    }
    const bool is_word =
        frames.element().is_encapsulated ? layout.bits_allocated == 16 : frames.element().is_word;
    const auto length = static_cast<std::uint32_t>(total + total % 2);
    write(output, element_head(syntax, is_word ? "OW" : "OB", length));
    for (std::uint32_t i = 0; i < frames.frames(); ++i) {
        auto frame = i == 0 ? std::exchange(first, std::nullopt) : change(i);
        if (!frame) {
            frame = frames.frame(i);
        }
        if (frame->samples.size() * std::uint64_t{frames.frames()} != total) {
            throw Error{Fault::data, "frames of different size"};
        }
        if (syntax.isBigEndian() && (is_word || layout.bits_allocated == 16)) {
            if (frame->samples.size() % 2 != 0) { // a single frame: the padding is swapped too
                frame->samples.push_back(0);
                swap_pairs(frame->samples);
                write(output, frame->samples);
                return;
            }
            swap_pairs(frame->samples);
        }
        write(output, frame->samples);
    }
    if (total % 2 != 0) {
        output.write(std::string_view{"\0", 1});
    }
}

void write_item(store::AtomicFile& output, std::uint16_t element, const Bytes& value)
{
    Bytes head;
    put_tag(head, 0xfffe, element, false);
    put(head, static_cast<std::uint32_t>(value.size() + value.size() % 2), false);
    write(output, head);
    write(output, value);
    if (value.size() % 2 != 0) {
        output.write(std::string_view{"\0", 1});
    }
}

/// Comments and the like in a frame that is kept as it is become zeros; its length stays.
void clear_remarks(Bytes& stream, const std::string& syntax, const PixelLayout& layout)
{
    const std::uint64_t planes = std::uint64_t{layout.samples} * layout.bytes_per_sample();
    dicom::find_remarks(std::as_bytes(std::span{stream}), dicom::frame_coding_of(syntax),
                        {layout.pixels() * planes, planes}, [&](const dicom::ByteRange& range) {
                            std::fill_n(stream.begin() + static_cast<std::ptrdiff_t>(range.offset),
                                        range.bytes, std::uint8_t{0});
                        });
}

void write_encapsulated(const ImageFile& image, const std::string& syntax,
                        store::AtomicFile& output,
                        const std::function<std::optional<Frame>(std::uint32_t)>& change)
{
    constexpr std::uint16_t item = 0xe000;
    constexpr std::uint16_t delimiter = 0xe0dd;
    write(output, element_head(DcmXfer{syntax.c_str()}, "OB", 0xffffffff));
    write_item(output, item, {}); // an empty offset table is legal (PS3.5 §A.4)
    const auto& frames = image.frames();
    for (std::uint32_t i = 0; i < frames.frames(); ++i) {
        const auto frame = change(i);
        Bytes stream; // in one piece: without a table, fragments and frames are told apart by that
        for (const auto& part : frame ? encode_frame(*frame, syntax) : frames.fragments(i)) {
            stream.insert(stream.end(), part.begin(), part.end());
        }
        if (!frame) {
            clear_remarks(stream, syntax, image.description().layout);
        }
        write_item(output, item, stream);
    }
    write_item(output, delimiter, {});
}

} // namespace

ImageFile::ImageFile(const fs::path& input, const fs::path& output)
    : m_fd{open_file(input, O_RDONLY)}, m_header{std::make_unique<DcmFileFormat>()}
{
    auto scan = dicom::prescan(m_fd.get());
    m_syntax = scan.transfer_syntax;
    if (m_syntax == UID_DeflatedExplicitVRLittleEndianTransferSyntax) {
        m_fd = inflated(m_fd, output.parent_path());
        scan = dicom::prescan(m_fd.get());
    }
    if (!scan.pixel_data_offset) {
        throw Error{Fault::data, "no pixel data"};
    }
    check(m_header->loadFileUntilTag(path_of(m_fd).c_str(), EXS_Unknown, EGL_noChange, read_at_once,
                                     ERM_fileOnly, DCM_PixelData),
          "read a header");
    m_description = PixelDescription::read(*m_header->getDataset());
    m_frames = std::make_unique<FrameSource>(m_fd.get(), *scan.pixel_data_offset,
                                             scan.transfer_syntax, m_description);
}

ImageFile::~ImageFile() = default;

void write_image(ImageFile& image, const std::string& transfer_syntax, store::AtomicFile& output,
                 const std::function<std::optional<Frame>(std::uint32_t)>& change)
{
    const DcmXfer syntax{transfer_syntax.c_str()};
    write_header(image.header(), syntax.getXfer(), output);
    if (syntax.isEncapsulated()) {
        write_encapsulated(image, transfer_syntax, output, change);
    } else {
        write_native(image, syntax, output, change);
    }
}

} // namespace fiona::pixel
