// SPDX-License-Identifier: MIT
#include "libfiona/redcap/shared_text.h"

#include "libfiona/base/error.h"
#include "libfiona/base/files.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace fiona::redcap {

namespace {

UniqueFd open_shared(const std::filesystem::path& file)
{
    return UniqueFd{::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640)};
}

} // namespace

SharedText::SharedText(const std::filesystem::path& file) : m_fd{open_shared(file)}
{
    if (!m_fd && errno == ENOENT) {
        make_directories(file.parent_path());
        m_fd = open_shared(file);
    }
    if (!m_fd) {
        throw os_error(errno, fmt::format("open {}", file.native()));
    }
    while (::flock(m_fd.get(), LOCK_EX) != 0) {
        if (errno != EINTR) {
            throw os_error(errno, fmt::format("lock {}", file.native()));
        }
    }
}

std::string SharedText::read() const
{
    std::array<char, 256> text{};
    const auto length = ::pread(m_fd.get(), text.data(), text.size(), 0);
    return length <= 0 ? std::string{} : std::string{text.data(), static_cast<std::size_t>(length)};
}

void SharedText::write(std::string_view text) const
{
    if (::ftruncate(m_fd.get(), 0) == 0) {
        static_cast<void>(::pwrite(m_fd.get(), text.data(), text.size(), 0));
    }
}

} // namespace fiona::redcap
