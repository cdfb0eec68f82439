// SPDX-License-Identifier: MIT
#include "libfiona/pacs/tls_connection.h"

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmtls/tlscond.h>
#include <dcmtk/dcmtls/tlslayer.h>
#include <dcmtk/dcmtls/tlstrans.h>

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <climits>

namespace fiona::pacs {

namespace {

using std::chrono::steady_clock;

constexpr std::chrono::seconds send_patience{60}; // as SO_SNDTIMEO of a plain connection

void set_option(int fd, int option)
{
    const int on = 1;
    static_cast<void>(::setsockopt(fd, IPPROTO_TCP, option, &on, sizeof on)); // only for speed
}

int clamped(std::size_t count)
{
    return static_cast<int>(std::min<std::size_t>(count, INT_MAX));
}

/// An address, or a name that the certificate has to bear.
bool expect_name(SSL* ssl, std::string name)
{
    auto* const rules = ::SSL_get0_param(ssl);
    if (::X509_VERIFY_PARAM_set1_ip_asc(rules, name.c_str()) == 1) {
        return true;
    }
    ::X509_VERIFY_PARAM_set_hostflags(rules, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return ::X509_VERIFY_PARAM_set1_host(rules, name.c_str(), name.size()) == 1
           // The macro SSL_set_tlsext_host_name() by its own name: it copies.
           && ::SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, name.data())
                  == 1;
}

/// The socket does not block, so every wait is ours. DCMTK owns and closes `ssl`.
class TlsConnection : public DcmTLSConnection {
public:
    TlsConnection(DcmNativeSocketType fd, SSL* ssl, Waiting& waiting)
        : DcmTLSConnection{fd, ssl}, m_ssl{ssl}, m_waiting{waiting},
          m_deadline{steady_clock::now() + waiting.pdu_patience}
    {
        ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK);
        set_option(fd, TCP_NODELAY);
        set_option(fd, TCP_QUICKACK);
    }

    OFCondition serverSideHandshake() override
    {
        if (until_done([&] { return ::SSL_accept(m_ssl); }) > 0) {
            return EC_Normal;
        }
        return m_problem != 0 ? DcmTLSTransportLayer::convertOpenSSLError(m_problem, OFFalse)
                              : DCMTLS_EC_TLSAcceptOperationDidNotComplete;
    }

    OFCondition clientSideHandshake() override
    {
        if (until_done([&] { return ::SSL_connect(m_ssl); }) > 0) {
            return EC_Normal;
        }
        return m_problem != 0 ? DcmTLSTransportLayer::convertOpenSSLError(m_problem, OFFalse)
                              : DCMTLS_EC_TLSAcceptOperationDidNotComplete;
    }

    ssize_t read(void* target, size_t count) override
    {
        const auto got = until_done([&] { return ::SSL_read(m_ssl, target, clamped(count)); });
        set_option(getSocket(), TCP_QUICKACK); // the kernel forgets it with every answer we send
        return got;
    }

    ssize_t write(void* bytes, size_t count) override
    {
        return until_done([&] { return ::SSL_write(m_ssl, bytes, clamped(count)); });
    }

    void close() override
    {
        m_ssl = nullptr; // freed by DCMTK now
        DcmTLSConnection::close();
    }

    /// DCMTK asks before each PDU, so this is where the clock of the next one starts.
    OFBool networkDataAvailable(int timeout) override
    {
        if (m_ssl == nullptr) {
            return OFFalse;
        }
        const auto wait =
            std::min(std::chrono::seconds{std::max(timeout, 0)}, m_waiting.longest_wait);
        const bool is_there =
            ::SSL_pending(m_ssl) > 0
            || wait_for(getSocket(), POLLIN, steady_clock::now() + wait, m_waiting);
        m_deadline = steady_clock::now() + m_waiting.pdu_patience;
        return is_there ? OFTrue : OFFalse;
    }

protected:
    [[nodiscard]] SSL* ssl() const { return m_ssl; }
    [[nodiscard]] unsigned long problem() const { return m_problem; }

private:
    /// Repeats `operation` of OpenSSL while it only waits for the socket. What it returned, 0 at
    /// the end of the connection, -1 with errno set for everything else.
    int until_done(const auto& operation)
    {
        while (m_ssl != nullptr) {
            ::ERR_clear_error();
            const int result = operation();
            if (result > 0) {
                return result;
            }
            switch (::SSL_get_error(m_ssl, result)) {
            case SSL_ERROR_WANT_READ:
                if (!wait_for(getSocket(), POLLIN, m_deadline, m_waiting)) {
                    return time_is_over();
                }
                break;
            case SSL_ERROR_WANT_WRITE:
                if (!wait_for(getSocket(), POLLOUT, steady_clock::now() + send_patience,
                              m_waiting)) {
                    return time_is_over();
                }
                break;
            case SSL_ERROR_ZERO_RETURN: return 0;
            default:
                m_problem = ::ERR_get_error();
                errno = EIO;
                return -1;
            }
        }
        errno = EIO;
        return -1;
    }

    int time_is_over()
    {
        m_waiting.timed_out = true;
        errno = ETIMEDOUT;
        return -1;
    }

    SSL* m_ssl;
    Waiting& m_waiting;
    steady_clock::time_point m_deadline;
    unsigned long m_problem = 0; ///< OpenSSL's, of the last failure
};

class TlsClientConnection final : public TlsConnection {
public:
    TlsClientConnection(DcmNativeSocketType fd, SSL* ssl, Waiting& waiting, std::string& words)
        : TlsConnection{fd, ssl, waiting}, m_waiting{waiting}, m_words{words}
    {
    }

    OFCondition clientSideHandshake() override
    {
        auto result = TlsConnection::clientSideHandshake();
        if (result.bad()) {
            m_words = why_no_handshake();
        }
        return result;
    }

    ssize_t read(void* target, size_t count) override
    {
        const auto got = TlsConnection::read(target, count);
        m_has_answered = m_has_answered || got > 0;
        return noted(got);
    }

    ssize_t write(void* bytes, size_t count) override
    {
        return noted(TlsConnection::write(bytes, count)); // it may be gone before we listen
    }

private:
    /// In TLS 1.3 the server looks at our certificate after our handshake is over.
    ssize_t noted(ssize_t result)
    {
        if (result <= 0 && !m_has_answered && !m_waiting.timed_out && m_words.empty()) {
            m_words = problem() != 0 ? "it refuses our certificate: " + reason_text()
                                     : "it ends the connection after the TLS handshake, as if it "
                                       "wanted another certificate of us";
        }
        return result;
    }

    [[nodiscard]] std::string why_no_handshake() const
    {
        if (const auto verdict = ::SSL_get_verify_result(ssl()); verdict != X509_V_OK) {
            return std::string{"its certificate is not trusted: "}
                   + ::X509_verify_cert_error_string(verdict);
        }
        if (m_waiting.timed_out) {
            return "it does not answer the TLS handshake; is that port one of TLS?";
        }
        return problem() != 0 ? "no TLS with it: " + reason_text()
                              : "it ends the connection inside the TLS handshake; is that port one "
                                "of TLS?";
    }

    [[nodiscard]] std::string reason_text() const
    {
        const auto* const text = ::ERR_reason_error_string(problem());
        return text == nullptr ? "no reason given" : text;
    }

    Waiting& m_waiting;
    std::string& m_words;
    bool m_has_answered = false;
};

} // namespace

DcmTransportConnection* make_tls_connection(int fd, ssl_ctx_st* context, Waiting& waiting)
{
    auto* const ssl = ::SSL_new(context);
    if (ssl == nullptr || ::SSL_set_fd(ssl, fd) != 1) {
        ::SSL_free(ssl);
        return nullptr;
    }
    return std::make_unique<TlsConnection>(fd, ssl, waiting).release();
}

DcmTransportConnection* make_tls_client_connection(int fd, ssl_ctx_st* context,
                                                   const std::string& server_name, Waiting& waiting,
                                                   std::string& problem)
{
    auto* const ssl = ::SSL_new(context);
    if (ssl == nullptr || ::SSL_set_fd(ssl, fd) != 1 || !expect_name(ssl, server_name)) {
        ::SSL_free(ssl);
        return nullptr;
    }
    return std::make_unique<TlsClientConnection>(fd, ssl, waiting, problem).release();
}

} // namespace fiona::pacs
