// SPDX-License-Identifier: MIT
#include "libfiona/anonymize/output_file.h"

#include "libfiona/base/error.h"
#include "libfiona/base/files.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace fiona::anonymize {

namespace {

Element meta_element(std::uint16_t number, Vr vr, std::string_view value)
{
    Element element;
    element.tag = {0x0002, number};
    element.vr = vr;
    element.set(std::string{value});
    return element;
}

/// PS3.10 §7.1: everything of the source's group 0002 is replaced, AE titles and private
/// information are not written at all.
std::string meta_header(const Rewritten& identity, std::string_view transfer_syntax)
{
    Item meta;
    meta.elements.push_back(meta_element(0x0001, "OB", std::string_view{"\0\1", 2}));
    meta.elements.push_back(meta_element(0x0002, "UI", identity.sop_class));
    meta.elements.push_back(meta_element(0x0003, "UI", identity.new_sop));
    meta.elements.push_back(meta_element(0x0010, "UI", transfer_syntax));
    meta.elements.push_back(meta_element(0x0012, "UI", implementation_uid));
    meta.elements.push_back(meta_element(0x0013, "SH", "FIONA_" FIONA_VERSION));
    const auto rest = write_data_set(meta, Encoding::explicit_little);
    Item length;
    const auto size = rest.size();
    length.elements.push_back(
        meta_element(0x0000, "UL",
                     std::string{static_cast<char>(size & 0xffU),
                                 static_cast<char>(size >> 8U & 0xffU), '\0', '\0'}));
    return write_data_set(length, Encoding::explicit_little) + rest;
}

} // namespace

std::string file_start(const Rewritten& identity, std::string_view transfer_syntax)
{
    constexpr std::size_t preamble_bytes = 128; // PS3.10 §7.1
    return std::string(preamble_bytes, '\0') + "DICM" + meta_header(identity, transfer_syntax);
}

OutputFile::OutputFile(std::filesystem::path target)
    : m_target{std::move(target)}, m_part{m_target.parent_path()
                                          / ("." + m_target.filename().native() + ".part")},
      m_fd{::open(m_part.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0640)}
{
    if (!m_fd) {
        const int reason = errno;
        const auto name = std::exchange(m_part, {});
        throw os_error(reason, fmt::format("create {}", name.native()));
    }
}

OutputFile::~OutputFile()
{
    if (!m_part.empty()) {
        ::unlink(m_part.c_str());
    }
}

OutputFile::Sizes OutputFile::write(const Rewritten& identity, std::string_view transfer_syntax,
                                    std::string_view header, const PixelWriter& pixels)
{
    auto start = file_start(identity, transfer_syntax);
    Sizes sizes;
    sizes.data_set_offset = start.size();
    start += header;
    sizes.header = start.size();
    if (std::exchange(m_was_written, true)
        && (::ftruncate(m_fd.get(), 0) != 0 || ::lseek(m_fd.get(), 0, SEEK_SET) != 0)) {
        throw os_error(errno, fmt::format("rewind {}", m_part.native()));
    }
    write_all(m_fd.get(), start, m_part.native());
    sizes.all = sizes.header + pixels(m_fd.get());
    return sizes;
}

std::string OutputFile::read_back(std::uint64_t count) const
{
    std::string bytes(count, '\0');
    std::size_t filled = 0;
    while (filled < count) {
        const auto got =
            ::pread(m_fd.get(), bytes.data() + filled, count - filled, static_cast<off_t>(filled));
        if (got == 0 || (got < 0 && errno != EINTR)) {
            throw os_error(got == 0 ? EIO : errno, fmt::format("read {}", m_part.native()));
        }
        filled += got > 0 ? static_cast<std::size_t>(got) : 0;
    }
    return bytes;
}

void OutputFile::publish()
{
    if (::rename(m_part.c_str(), m_target.c_str()) != 0) {
        throw os_error(errno, fmt::format("rename to {}", m_target.native()));
    }
    m_part.clear();
}

} // namespace fiona::anonymize
