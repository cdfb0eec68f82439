// SPDX-License-Identifier: MIT
#include "libfiona/pacs/receiver_signals.h"

#include "libfiona/base/error.h"

#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>

namespace fiona::pacs {

Signals::Signals()
{
    ::sigemptyset(&m_set);
    for (const int number : {SIGTERM, SIGINT, SIGHUP, SIGCHLD}) {
        ::sigaddset(&m_set, number);
    }
    ::pthread_sigmask(SIG_BLOCK, &m_set, &m_before);
    m_fd = UniqueFd{::signalfd(-1, &m_set, SFD_CLOEXEC | SFD_NONBLOCK)};
    if (!m_fd) {
        throw os_error(errno, "make a descriptor for signals");
    }
}

Signals::~Signals()
{
    ::pthread_sigmask(SIG_SETMASK, &m_before, nullptr);
}

int Signals::next() const
{
    signalfd_siginfo info{};
    return ::read(m_fd.get(), &info, sizeof info) == static_cast<ssize_t>(sizeof info)
               ? static_cast<int>(info.ssi_signo)
               : 0;
}

} // namespace fiona::pacs
