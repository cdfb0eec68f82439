// SPDX-License-Identifier: MIT
#include "libfiona/base/file_lock.h"

#include "libfiona/base/error.h"
#include "libfiona/base/text.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <thread>

namespace fiona {

namespace fs = std::filesystem;

namespace {

pid_t pid_inside(int fd)
{
    std::array<char, 32> text{};
    const auto length = ::pread(fd, text.data(), text.size(), 0);
    pid_t pid = 0;
    if (length > 0) {
        std::from_chars(text.data(), text.data() + length, pid);
    }
    return pid;
}

/// Whether another process holds the lock. holder() takes a shared lock for an instant; that is no
/// holder, and must not make a daemon that starts just then give up.
bool is_held(int fd)
{
    if (::flock(fd, LOCK_SH | LOCK_NB) != 0) {
        return true;
    }
    ::flock(fd, LOCK_UN);
    return false;
}

} // namespace

FileLock::FileLock(const fs::path& path, std::chrono::milliseconds patience)
    : m_fd{::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0640)}
{
    if (!m_fd) {
        throw os_error(errno, fmt::format("open lock {}", path.native()));
    }
    const auto deadline = std::chrono::steady_clock::now() + patience;
    while (::flock(m_fd.get(), LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK && errno != EINTR) {
            throw os_error(errno, fmt::format("lock {}", path.native()));
        }
        if (std::chrono::steady_clock::now() >= deadline && is_held(m_fd.get())) {
            throw Error{Fault::temporary, "{} is held by process {}", path.native(),
                        pid_inside(m_fd.get())};
        }
        std::this_thread::sleep_for(std::chrono::milliseconds{5});
    }
    // For people only, so a full disk must not stop us here.
    const auto pid = fmt::format("{}\n", ::getpid());
    if (::ftruncate(m_fd.get(), 0) == 0) {
        static_cast<void>(::pwrite(m_fd.get(), pid.data(), pid.size(), 0));
    }
}

std::optional<pid_t> FileLock::holder(const fs::path& path)
{
    const UniqueFd fd{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
    if (!fd && errno != ENOENT && errno != ENOTDIR) {
        throw os_error(errno, fmt::format("look at lock {}", path.native()));
    }
    if (!fd || ::flock(fd.get(), LOCK_SH | LOCK_NB) == 0) {
        return std::nullopt;
    }
    if (errno != EWOULDBLOCK) {
        throw os_error(errno, fmt::format("look at lock {}", path.native()));
    }
    return pid_inside(fd.get());
}

} // namespace fiona
