// SPDX-License-Identifier: MIT
#include "libfiona/wsi/slide_file.h"

#include "libfiona/base/error.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

namespace fiona::wsi {

SlideFile::SlideFile(const std::filesystem::path& path)
    : m_fd{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK)}
{
    if (m_fd.get() < 0) {
        throw os_error(errno, "opening a slide");
    }
    struct stat facts {};
    if (::fstat(m_fd.get(), &facts) != 0) {
        throw os_error(errno, "looking at a slide");
    }
    if (!S_ISREG(facts.st_mode)) {
        throw Error{Fault::data, "no regular file"};
    }
    m_size = static_cast<std::uint64_t>(facts.st_size);
}

void SlideFile::read(std::uint64_t offset, std::span<std::byte> into) const
{
    if (offset > m_size || into.size() > m_size - offset) {
        throw Error{Fault::data, "bytes {} to {} lie outside the slide's {}", offset,
                    offset + into.size(), m_size};
    }
    while (!into.empty()) {
        const auto got = ::pread(m_fd.get(), into.data(), into.size(), static_cast<off_t>(offset));
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            throw os_error(errno, "reading a slide");
        }
        if (got == 0) {
            throw Error{Fault::data, "the slide became shorter while it was read"};
        }
        into = into.subspan(static_cast<std::size_t>(got));
        offset += static_cast<std::uint64_t>(got);
    }
}

std::vector<std::byte> SlideFile::read(std::uint64_t offset, std::uint64_t count) const
{
    if (offset > m_size || count > m_size - offset) {
        throw Error{Fault::data, "{} bytes at {} lie outside the slide's {}", count, offset,
                    m_size};
    }
    std::vector<std::byte> bytes(count);
    read(offset, bytes);
    return bytes;
}

} // namespace fiona::wsi
