// SPDX-License-Identifier: MIT
#include "libfiona/ingest/wakeup.h"

#include "libfiona/base/error.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <limits>

namespace fiona::ingest {

namespace {

constexpr mode_t fifo_mode = 0620; // members of our group may write

UniqueFd watch(const std::filesystem::path& directory)
{
    UniqueFd fd{::inotify_init1(IN_NONBLOCK | IN_CLOEXEC)};
    // Without a watch (none left, or a network file system) the doorbell and the clock do.
    if (fd && ::inotify_add_watch(fd.get(), directory.c_str(), IN_MOVED_TO | IN_CREATE) < 0) {
        fd = UniqueFd{};
    }
    return fd;
}

void consume(const UniqueFd& fd)
{
    std::array<char, 4096> buffer{};
    while (fd && ::read(fd.get(), buffer.data(), buffer.size()) > 0) {
    }
}

} // namespace

UniqueFd open_fifo(const std::filesystem::path& path)
{
    if (::mkfifo(path.c_str(), fifo_mode) != 0 && errno != EEXIST) {
        throw os_error(errno, fmt::format("make the FIFO {}", path.native()));
    }
    // Open for writing too: else every last writer that closes would make it readable for ever.
    UniqueFd fd{::open(path.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW)};
    struct stat status {};
    if (!fd || ::fstat(fd.get(), &status) != 0) {
        throw os_error(errno, fmt::format("open the FIFO {}", path.native()));
    }
    if (!S_ISFIFO(status.st_mode)) {
        throw Error{Fault::config, "{} is no FIFO; remove it", path.native()};
    }
    ::fchmod(fd.get(), fifo_mode); // the umask had its say; not ours to change: no harm
    return fd;
}

Wakeup::Wakeup(const std::filesystem::path& doorbell, const std::filesystem::path& spool_new)
    : m_doorbell{open_fifo(doorbell)}, m_watch{watch(spool_new)}
{
}

void Wakeup::wait(std::chrono::milliseconds longest, int more)
{
    std::array<pollfd, 4> events{{{m_doorbell.get(), POLLIN, 0},
                                  {m_watch.get(), POLLIN, 0}, // negative: ignored by poll
                                  {m_signals.fd(), POLLIN, 0},
                                  {more, POLLIN, 0}}};
    const auto timeout = std::min<std::chrono::milliseconds::rep>(
        std::max<std::chrono::milliseconds::rep>(longest.count(), 0),
        std::numeric_limits<int>::max());
    if (::poll(events.data(), events.size(), static_cast<int>(timeout)) < 0 && errno != EINTR) {
        throw os_error(errno, "wait for work");
    }
    consume(m_doorbell);
    consume(m_watch);
}

void Wakeup::rest(std::chrono::milliseconds time)
{
    pollfd event{m_signals.fd(), POLLIN, 0};
    if (::poll(&event, 1, static_cast<int>(time.count())) < 0 && errno != EINTR) {
        throw os_error(errno, "wait for work");
    }
}

void ring(const std::filesystem::path& doorbell)
{
    const UniqueFd fd{::open(doorbell.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW)};
    if (fd) { // else nobody listens; the processor looks every few seconds anyway
        static_cast<void>(::write(fd.get(), "\n", 1) == 1);
    }
}

} // namespace fiona::ingest
