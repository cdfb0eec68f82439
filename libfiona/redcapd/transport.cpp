// SPDX-License-Identifier: MIT
#include "libfiona/redcapd/transport.h"

#include "libfiona/base/error.h"
#include "libfiona/base/files.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include <cerrno>
#include <limits>
#include <utility>

namespace fiona::redcapd {

namespace {

using Result = Step::Result;

Step socket_step(ssize_t bytes, Result again)
{
    if (bytes >= 0) {
        return {Result::done, static_cast<std::size_t>(bytes)};
    }
    const bool later = errno == EAGAIN || errno == EINTR;
    return {later ? again : Result::broken, 0};
}

class PlainTransport : public Transport {
public:
    explicit PlainTransport(UniqueFd fd) : m_fd{std::move(fd)} {}

    [[nodiscard]] Step handshake() override { return {Result::done, 0}; }
    [[nodiscard]] Step read(std::span<char> target) override
    {
        return socket_step(::recv(m_fd.get(), target.data(), target.size(), MSG_DONTWAIT),
                           Result::want_read);
    }
    [[nodiscard]] Step write(std::string_view bytes) override
    {
        return socket_step(
            ::send(m_fd.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT),
            Result::want_write);
    }
    [[nodiscard]] int fd() const override { return m_fd.get(); }

private:
    UniqueFd m_fd;
};

struct SslFreed {
    void operator()(SSL* ssl) const noexcept { SSL_free(ssl); }
};

int length(std::size_t size)
{
    constexpr auto most = static_cast<std::size_t>(std::numeric_limits<int>::max());
    return static_cast<int>(std::min(size, most));
}

class TlsTransport : public Transport {
public:
    TlsTransport(SSL_CTX* context, UniqueFd fd) : m_fd{std::move(fd)}, m_ssl{SSL_new(context)}
    {
        if (!m_ssl || SSL_set_fd(m_ssl.get(), m_fd.get()) != 1) {
            throw Error{Fault::internal, "TLS: no connection could be made"};
        }
    }
    TlsTransport(const TlsTransport&) = delete;
    TlsTransport& operator=(const TlsTransport&) = delete;
    ~TlsTransport() override
    {
        ERR_clear_error();
        if (SSL_is_init_finished(m_ssl.get()) == 1) {
            SSL_shutdown(m_ssl.get()); // says goodbye; the answer is not waited for
        }
    }

    [[nodiscard]] Step handshake() override
    {
        return step(run([&] { return SSL_accept(ssl()); }));
    }
    [[nodiscard]] Step read(std::span<char> target) override
    {
        return step(run([&] { return SSL_read(ssl(), target.data(), length(target.size())); }));
    }
    [[nodiscard]] Step write(std::string_view bytes) override
    {
        if (bytes.empty()) {
            return {Result::done, 0};
        }
        return step(run([&] { return SSL_write(ssl(), bytes.data(), length(bytes.size())); }));
    }
    [[nodiscard]] int fd() const override { return m_fd.get(); }

private:
    [[nodiscard]] SSL* ssl() const { return m_ssl.get(); }

    static int run(const auto& call)
    {
        ERR_clear_error(); // what SSL_get_error() reads is the thread's, not the connection's
        return call();
    }

    [[nodiscard]] Step step(int result) const
    {
        if (result > 0) {
            return {Result::done, static_cast<std::size_t>(result)};
        }
        switch (SSL_get_error(ssl(), result)) {
        case SSL_ERROR_WANT_READ: return {Result::want_read, 0};
        case SSL_ERROR_WANT_WRITE: return {Result::want_write, 0};
        case SSL_ERROR_ZERO_RETURN: return {Result::done, 0};
        default: return {Result::broken, 0};
        }
    }

    UniqueFd m_fd;
    std::unique_ptr<SSL, SslFreed> m_ssl;
};

struct KeyFreed {
    void operator()(EVP_PKEY* key) const noexcept { EVP_PKEY_free(key); }
};
struct BioFreed {
    void operator()(BIO* bio) const noexcept { BIO_free(bio); }
};

void use_key(SSL_CTX* context, const std::filesystem::path& file)
{
    const auto text = read_secret_file(file);
    const std::unique_ptr<BIO, BioFreed> bio{
        BIO_new_mem_buf(text.reveal().data(), length(text.reveal().size()))};
    const std::unique_ptr<EVP_PKEY, KeyFreed> key{
        bio ? PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, nullptr) : nullptr};
    if (!key) {
        throw Error{Fault::config, "{}: no private key in PEM without a passphrase", file.native()};
    }
    if (SSL_CTX_use_PrivateKey(context, key.get()) != 1
        || SSL_CTX_check_private_key(context) != 1) {
        throw Error{Fault::config, "{}: is not the key of the certificate", file.native()};
    }
}

} // namespace

std::unique_ptr<Transport> plain_transport(UniqueFd fd)
{
    return std::make_unique<PlainTransport>(std::move(fd));
}

void TlsContext::Freed::operator()(ssl_ctx_st* context) const noexcept
{
    SSL_CTX_free(context);
}

TlsContext::TlsContext(const TlsFiles& files) : m_context{SSL_CTX_new(TLS_server_method())}
{
    auto* const context = m_context.get();
    if (context == nullptr || SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) != 1) {
        throw Error{Fault::internal, "TLS: cannot be set up"};
    }
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    // A write that could not be finished is repeated from another place of the same text.
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    static_cast<void>(read_file(files.certificate)); // says it if there is none
    if (SSL_CTX_use_certificate_chain_file(context, files.certificate.c_str()) != 1) {
        throw Error{Fault::config, "{}: no certificate in PEM", files.certificate.native()};
    }
    use_key(context, files.key);
}

std::unique_ptr<Transport> TlsContext::transport(UniqueFd fd) const
{
    return std::make_unique<TlsTransport>(m_context.get(), std::move(fd));
}

} // namespace fiona::redcapd
