// SPDX-License-Identifier: MIT
#include "libfiona/ingest/wakeup.h"

#include "libfiona/base/error.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/inotify.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <limits>

namespace fiona::ingest {

namespace {

constexpr mode_t doorbell_mode = 0620; // writers of our group may ring

UniqueFd open_doorbell(const std::filesystem::path& path)
{
    if (::mkfifo(path.c_str(), doorbell_mode) != 0 && errno != EEXIST) {
        throw os_error(errno, "make the doorbell");
    }
    // Open for writing too: else every last writer that closes would make it readable for ever.
    UniqueFd fd{::open(path.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW)};
    struct stat status {};
    if (!fd || ::fstat(fd.get(), &status) != 0) {
        throw os_error(errno, "open the doorbell");
    }
    if (!S_ISFIFO(status.st_mode)) {
        throw Error{Fault::config, "{} is no FIFO; remove it", path.native()};
    }
    ::fchmod(fd.get(), doorbell_mode); // the umask had its say; not ours to change: no harm
    return fd;
}

UniqueFd watch(const std::filesystem::path& directory)
{
    UniqueFd fd{::inotify_init1(IN_NONBLOCK | IN_CLOEXEC)};
    // Without a watch (none left, or a network file system) the doorbell and the clock do.
    if (fd && ::inotify_add_watch(fd.get(), directory.c_str(), IN_MOVED_TO | IN_CREATE) < 0) {
        fd = UniqueFd{};
    }
    return fd;
}

UniqueFd take_signals()
{
    sigset_t set;
    ::sigemptyset(&set);
    for (const int signal : {SIGTERM, SIGINT, SIGHUP}) {
        ::sigaddset(&set, signal);
    }
    ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
    UniqueFd fd{::signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC)};
    if (!fd) {
        throw os_error(errno, "listen for signals");
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

Wakeup::Wakeup(const std::filesystem::path& doorbell, const std::filesystem::path& spool_new)
    : m_doorbell{open_doorbell(doorbell)}, m_watch{watch(spool_new)}, m_signals{take_signals()}
{
}

void Wakeup::wait(std::chrono::milliseconds longest)
{
    std::array<pollfd, 3> events{{{m_doorbell.get(), POLLIN, 0},
                                  {m_watch.get(), POLLIN, 0}, // negative: ignored by poll
                                  {m_signals.get(), POLLIN, 0}}};
    const auto timeout = std::min<std::chrono::milliseconds::rep>(
        std::max<std::chrono::milliseconds::rep>(longest.count(), 0),
        std::numeric_limits<int>::max());
    if (::poll(events.data(), events.size(), static_cast<int>(timeout)) < 0 && errno != EINTR) {
        throw os_error(errno, "wait for work");
    }
    consume(m_doorbell);
    consume(m_watch);
    read_signals();
}

bool Wakeup::stop_requested()
{
    read_signals();
    return m_stop;
}

bool Wakeup::take_reload()
{
    read_signals();
    return std::exchange(m_reload, false);
}

void Wakeup::read_signals()
{
    signalfd_siginfo info{};
    while (::read(m_signals.get(), &info, sizeof info) == sizeof info) {
        (info.ssi_signo == SIGHUP ? m_reload : m_stop) = true;
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
