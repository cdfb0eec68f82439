// SPDX-License-Identifier: MIT
#include "libfiona/anonymize/source_file.h"

#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/dicom/prescan.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>
#include <span>

namespace fiona::anonymize {

namespace {

constexpr std::uint64_t max_header_bytes = std::uint64_t{256} << 20U;

/// pread(2) until `count` bytes are there; fewer at the end of the file.
std::string read_at(int fd, std::uint64_t offset, std::size_t count)
{
    std::string bytes(count, '\0');
    std::size_t filled = 0;
    while (filled < count) {
        const auto got =
            ::pread(fd, bytes.data() + filled, count - filled, static_cast<off_t>(offset + filled));
        if (got < 0 && errno != EINTR) {
            throw os_error(errno, "read the input");
        }
        if (got == 0) {
            break;
        }
        filled += got > 0 ? static_cast<std::size_t>(got) : 0;
    }
    bytes.resize(filled);
    return bytes;
}

} // namespace

dicom::Coding coding_of(Encoding encoding)
{
    switch (encoding) {
    case Encoding::implicit_little: return dicom::Coding::implicit_little;
    case Encoding::explicit_big: return dicom::Coding::explicit_big;
    case Encoding::explicit_little: break;
    }
    return dicom::Coding::explicit_little;
}

Layout examine(const std::filesystem::path& file)
{
    const auto scan = dicom::prescan_file(file);
    Layout layout;
    layout.transfer_syntax = scan.transfer_syntax;
    layout.data_set_offset = scan.data_set_offset;
    layout.file_bytes = scan.file_bytes;
    layout.pixel_offset = scan.pixel_data_offset.value_or(scan.file_bytes);
    // PS3.5 §A; GE's private syntax has an implicit little endian header with big endian pixels.
    if (scan.transfer_syntax == "1.2.840.10008.1.2"
        || scan.transfer_syntax == "1.2.840.113619.5.2") {
        layout.encoding = Encoding::implicit_little;
    } else if (scan.transfer_syntax == "1.2.840.10008.1.2.2") {
        layout.encoding = Encoding::explicit_big;
    }
    layout.is_deflated = scan.transfer_syntax == "1.2.840.10008.1.2.1.99";
    return layout;
}

SourceFile::SourceFile(const std::filesystem::path& file, const Layout& layout)
    : m_layout{layout}, m_fd{::open(file.c_str(), O_RDONLY | O_CLOEXEC)}
{
    struct stat status {};
    if (!m_fd || ::fstat(m_fd.get(), &status) != 0) {
        throw os_error(errno, "open the input");
    }
    if (static_cast<std::uint64_t>(status.st_size) != layout.file_bytes) {
        throw Error{Fault::data, "the file changed while it was read"};
    }
    const auto end = layout.is_deflated ? layout.file_bytes : layout.pixel_offset;
    if (end - layout.data_set_offset > max_header_bytes) {
        throw Error{Fault::data, "the header has more than {} MB", max_header_bytes >> 20U};
    }
    m_header = read_at(m_fd.get(), layout.data_set_offset, end - layout.data_set_offset);
    if (m_header.size() != end - layout.data_set_offset) {
        throw Error{Fault::data, "the file changed while it was read"};
    }
    if (layout.is_deflated) {
        const auto deflated = std::move(m_header);
        m_header.clear();
        inflate_data_set(deflated);
    }
}

// The pre-scan has inflated it once, under limits, and found nothing wrong.
void SourceFile::inflate_data_set(std::string_view deflated)
{
    z_stream stream{};
    if (::inflateInit2(&stream, -MAX_WBITS) != Z_OK) { // PS3.5 §A.5: no zlib header
        throw Error{Fault::internal, "zlib cannot start"};
    }
    const std::unique_ptr<z_stream, decltype(&::inflateEnd)> owner{&stream, &::inflateEnd};
    std::string input{deflated};
    // NOLINTNEXTLINE(*-reinterpret-cast) C interface
    stream.next_in = reinterpret_cast<Bytef*>(input.data());
    stream.avail_in = static_cast<uInt>(input.size());
    std::array<char, 65536> block{};
    const auto most = dicom::PrescanLimits{}.max_inflated_bytes;
    for (int state = Z_OK; state != Z_STREAM_END;) {
        // NOLINTNEXTLINE(*-reinterpret-cast) C interface
        stream.next_out = reinterpret_cast<Bytef*>(block.data());
        stream.avail_out = block.size();
        state = ::inflate(&stream, Z_NO_FLUSH);
        m_header.append(block.data(), block.size() - stream.avail_out);
        if ((state != Z_OK && state != Z_STREAM_END) || m_header.size() > most) {
            throw Error{Fault::data, "the deflated data set is broken or too large"};
        }
    }
}

std::string SourceFile::bytes_at(std::uint64_t offset, std::size_t count) const
{
    auto bytes = read_at(m_fd.get(), offset, count);
    if (bytes.size() != count) {
        throw Error{Fault::data, "the file changed while it was read"};
    }
    return bytes;
}

dicom::StoredBytes SourceFile::stored() const
{
    if (m_layout.is_deflated) {
        return std::as_bytes(std::span{m_header});
    }
    return m_fd.get();
}

std::optional<dicom::PixelElement> SourceFile::pixel_element(std::size_t parsed_end) const
{
    const auto offset = m_layout.is_deflated ? parsed_end : m_layout.pixel_offset;
    const auto end = m_layout.is_deflated ? m_header.size() : m_layout.file_bytes;
    if (offset >= end) {
        return std::nullopt;
    }
    return dicom::read_pixel_element(stored(), offset, coding_of(m_layout.encoding));
}

SourceFile::Stretch SourceFile::pixels() const
{
    const auto element = m_layout.is_deflated ? std::nullopt : pixel_element(0);
    return element ? Stretch{element->offset, dicom::end_of(stored(), *element) - element->offset}
                   : Stretch{};
}

void SourceFile::copy(int target, const Stretch& part) const
{
    if (m_layout.is_deflated) {
        write_all(target, std::string_view{m_header}.substr(part.offset, part.bytes), "the output");
        return;
    }
    const auto end = part.offset + part.bytes;
    auto at = static_cast<off_t>(part.offset);
    while (static_cast<std::uint64_t>(at) < end) {
        const auto left = end - static_cast<std::uint64_t>(at);
        const auto copied = ::copy_file_range(m_fd.get(), &at, target, nullptr, left, 0);
        if (copied > 0 || (copied < 0 && errno == EINTR)) {
            continue;
        }
        if (copied < 0 && errno != EXDEV && errno != EINVAL && errno != ENOSYS
            && errno != EOPNOTSUPP) {
            throw os_error(errno, "copy the pixel data");
        }
        // Another file system, or one without copy_file_range.
        constexpr std::uint64_t block = std::uint64_t{256} << 10U;
        const auto bytes = bytes_at(static_cast<std::uint64_t>(at), std::min(block, left));
        write_all(target, bytes, "the output");
        at += static_cast<off_t>(bytes.size());
    }
}

std::uint64_t SourceFile::copy_pixels(int target, std::size_t parsed_end) const
{
    const auto element = pixel_element(parsed_end);
    if (!element) {
        return 0;
    }
    const auto bytes = dicom::end_of(stored(), *element) - element->offset;
    copy(target, {element->offset, bytes});
    return bytes;
}

} // namespace fiona::anonymize
