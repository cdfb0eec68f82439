// SPDX-License-Identifier: MIT
#include "libfiona/pacs/transport.h"

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmnet/dcmlayer.h>
#include <dcmtk/dcmnet/dcmtrans.h>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <ctime>
#include <vector>

namespace fiona::pacs {

namespace {

using std::chrono::steady_clock;

constexpr std::size_t read_ahead_bytes = 65536;

void set_option(int fd, int option)
{
    const int on = 1;
    // A hint for speed: where the kernel refuses it, all still works.
    static_cast<void>(::setsockopt(fd, IPPROTO_TCP, option, &on, sizeof on));
}

timespec left_until(steady_clock::time_point deadline)
{
    const auto left = std::max(deadline - steady_clock::now(), steady_clock::duration::zero());
    const auto seconds = std::chrono::floor<std::chrono::seconds>(left);
    return {seconds.count(), std::chrono::nanoseconds{left - seconds}.count()};
}

class Connection : public DcmTCPConnection {
public:
    Connection(DcmNativeSocketType fd, Waiting& waiting)
        : DcmTCPConnection{fd}, m_waiting{waiting},
          m_ahead(read_ahead_bytes), m_deadline{steady_clock::now() + waiting.pdu_patience}
    {
        set_option(fd, TCP_NODELAY);
        set_option(fd, TCP_QUICKACK);
    }

    ssize_t read(void* target, size_t count) override
    {
        if (m_begin == m_end) {
            if (count >= m_ahead.size()) {
                return receive(target, count);
            }
            const auto got = receive(m_ahead.data(), m_ahead.size());
            if (got <= 0) {
                return got;
            }
            m_begin = 0;
            m_end = static_cast<std::size_t>(got);
        }
        const auto given = std::min(count, m_end - m_begin);
        std::memcpy(target, m_ahead.data() + m_begin, given);
        m_begin += given;
        return static_cast<ssize_t>(given);
    }

    /// DCMTK asks before each PDU, so this is where the clock of the next one starts.
    OFBool networkDataAvailable(int timeout) override
    {
        const auto wait =
            std::min(std::chrono::seconds{std::max(timeout, 0)}, m_waiting.longest_wait);
        const bool is_there = m_begin != m_end || is_readable(steady_clock::now() + wait);
        m_deadline = steady_clock::now() + m_waiting.pdu_patience;
        return is_there ? OFTrue : OFFalse;
    }

    // DCMTK's own select() knows nothing of what was read ahead.
    OFBool isTransparentConnection() override { return OFFalse; }

private:
    bool is_readable(steady_clock::time_point deadline)
    {
        return wait_for(getSocket(), POLLIN, deadline, m_waiting);
    }

    ssize_t receive(void* target, std::size_t count)
    {
        auto got = ::recv(getSocket(), target, count, MSG_DONTWAIT);
        while (got < 0 && (errno == EAGAIN || errno == EINTR)) {
            if (!is_readable(m_deadline)) {
                m_waiting.timed_out = true;
                errno = ETIMEDOUT;
                return -1;
            }
            got = ::recv(getSocket(), target, count, MSG_DONTWAIT);
        }
        set_option(getSocket(), TCP_QUICKACK); // the kernel forgets it with every answer we send
        return got;
    }

    Waiting& m_waiting;
    std::vector<char> m_ahead;
    std::size_t m_begin = 0;
    std::size_t m_end = 0;
    steady_clock::time_point m_deadline;
};

class Layer : public DcmTransportLayer {
public:
    explicit Layer(Waiting& waiting) : m_waiting{waiting} {}

    DcmTransportConnection* createConnection(DcmNativeSocketType fd, OFBool secure) override
    {
        // DCMTK takes ownership.
        return secure == OFTrue ? nullptr : std::make_unique<Connection>(fd, m_waiting).release();
    }

private:
    Waiting& m_waiting;
};

} // namespace

bool wait_for(int fd, short events, steady_clock::time_point deadline, const Waiting& waiting)
{
    sigset_t mask;
    ::pthread_sigmask(SIG_SETMASK, nullptr, &mask);
    ::sigdelset(&mask, SIGTERM);
    for (;;) {
        if (waiting.may_stop && waiting.stop_requested != 0) {
            return false;
        }
        pollfd one{fd, events, 0};
        const auto left = left_until(deadline);
        const int ready = ::ppoll(&one, 1, &left, &mask);
        if (ready >= 0 || errno != EINTR) {
            return ready > 0;
        }
    }
}

void DeleteTransportLayer::operator()(DcmTransportLayer* layer) const
{
    delete layer; // NOLINT(cppcoreguidelines-owning-memory) this is the owner's deleter
}

TransportLayer make_transport_layer(Waiting& waiting)
{
    return TransportLayer{std::make_unique<Layer>(waiting).release()};
}

} // namespace fiona::pacs
