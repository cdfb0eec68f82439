// SPDX-License-Identifier: MIT
#include "libfiona/pacs/receiver_process.h"

#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/base/process.h"
#include "libfiona/base/text.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <csignal>

namespace fiona::pacs {

namespace {

constexpr rlim_t extra_memory = rlim_t{256} << 20U; // flat use is a few MB, whatever is sent
constexpr int socket_fd = 3;
constexpr int report_fd = 4;

/// Writable memory in use (proc(5), statm, the sixth number). Under a sanitizer it is terabytes.
rlim_t data_in_use()
{
    const auto text = read_file("/proc/self/statm");
    const auto fields = split(text, ' ');
    rlim_t pages = 0;
    if (fields.size() > 5) {
        std::from_chars(fields[5].data(), fields[5].data() + fields[5].size(), pages);
    }
    return pages * static_cast<rlim_t>(::sysconf(_SC_PAGESIZE));
}

void limit(__rlimit_resource what, rlim_t value)
{
    const rlimit both{value, value};
    static_cast<void>(::setrlimit(what, &both)); // a second fence: the first one is the pre-scan
}

/// Only the socket and the pipe stay, under fixed numbers.
void keep_descriptors(const AssociationTask& task)
{
    constexpr int out_of_the_way = 10;
    const int socket = ::fcntl(task.socket, F_DUPFD_CLOEXEC, out_of_the_way);
    const int report = ::fcntl(task.report_pipe, F_DUPFD_CLOEXEC, out_of_the_way);
    if (socket < 0 || report < 0 || ::dup2(socket, socket_fd) < 0 || ::dup2(report, report_fd) < 0
        || ::close_range(report_fd + 1, ~0U, 0) != 0) {
        throw os_error(errno, "take over the connection");
    }
}

void set_signals(void (*on_stop)(int))
{
    struct sigaction action {};
    action.sa_handler =
        on_stop; // NOLINT(cppcoreguidelines-pro-type-union-access) the system's type
    ::sigaction(SIGTERM, &action, nullptr);
    for (const int number : {SIGINT, SIGHUP, SIGPIPE, SIGCHLD}) { // SIGCHLD: no zombies of look-ups
        static_cast<void>(std::signal(number, SIG_IGN));
    }
    sigset_t blocked;
    ::sigemptyset(&blocked);
    ::sigaddset(&blocked, SIGTERM);
    ::pthread_sigmask(SIG_SETMASK, &blocked, nullptr);
}

void set_socket(std::chrono::seconds patience)
{
    const int on = 1;
    ::setsockopt(socket_fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    const timeval wait{patience.count(), 0};
    ::setsockopt(socket_fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait);
}

} // namespace

AssociationTask become_association_process(const AssociationTask& task, void (*on_stop)(int))
{
    keep_descriptors(task);
    set_signals(on_stop);
    ::prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (::getppid() != task.receiver) {
        throw Error{Fault::temporary, "the receiver is gone"};
    }
    set_socket(std::chrono::seconds{60});
    forbid_core_dumps();
    limit(RLIMIT_DATA, data_in_use() + extra_memory);
    AssociationTask own = task;
    own.socket = socket_fd;
    own.report_pipe = report_fd;
    return own;
}

} // namespace fiona::pacs
