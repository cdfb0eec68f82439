// SPDX-License-Identifier: MIT
#include "libfiona/ingest/signals.h"

#include "libfiona/base/error.h"

#include <sys/signalfd.h>

#include <cerrno>
#include <csignal>
#include <utility>

namespace fiona::ingest {

Signals::Signals()
{
    sigset_t set;
    ::sigemptyset(&set);
    for (const int signal : {SIGTERM, SIGINT, SIGHUP}) {
        ::sigaddset(&set, signal);
    }
    ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
    m_fd = UniqueFd{::signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC)};
    if (!m_fd) {
        throw os_error(errno, "listen for signals");
    }
}

bool Signals::stop_requested()
{
    read();
    return m_stop;
}

bool Signals::take_reload()
{
    read();
    return std::exchange(m_reload, false);
}

void Signals::read()
{
    signalfd_siginfo info{};
    while (::read(m_fd.get(), &info, sizeof info) == sizeof info) {
        (info.ssi_signo == SIGHUP ? m_reload : m_stop) = true;
    }
}

} // namespace fiona::ingest
