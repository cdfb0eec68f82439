// SPDX-License-Identifier: MIT
#include "libfiona/pacs/tls_client.h"

#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/pacs/tls_connection.h"
#include "libfiona/pacs/transport.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

namespace fiona::pacs {

namespace {

namespace fs = std::filesystem;

struct FreeContext {
    void operator()(SSL_CTX* context) const { ::SSL_CTX_free(context); }
};
using Context = std::unique_ptr<SSL_CTX, FreeContext>;

Error bad_file(std::string_view key, const fs::path& file, std::string_view problem)
{
    ::ERR_clear_error();
    return Error{Fault::config, "RESEARCH_PACS.tls.{} {}: {}", key, file.native(), problem};
}

/// Missing or unreadable is said by the system, before OpenSSL says it worse.
void must_be_readable(std::string_view key, const fs::path& file)
{
    constexpr std::size_t most_bytes = std::size_t{1} << 20U;
    try {
        static_cast<void>(read_file(file, most_bytes));
    } catch (const Error& e) {
        throw Error{Fault::config, "RESEARCH_PACS.tls.{}: {}", key, e.what()};
    }
}

void load_identity(SSL_CTX* context, const fs::path& certificate, const fs::path& key)
{
    must_be_readable("certificate", certificate);
    static_cast<void>(read_secret_file(key));
    ::SSL_CTX_set_default_passwd_cb( // or OpenSSL asks at the terminal
        context, [](char* /*buffer*/, int /*size*/, int /*use*/, void* /*data*/) { return 0; });
    if (::SSL_CTX_use_certificate_chain_file(context, certificate.c_str()) != 1) {
        throw bad_file("certificate", certificate, "is no PEM certificate");
    }
    if (::SSL_CTX_use_PrivateKey_file(context, key.c_str(), SSL_FILETYPE_PEM) != 1
        || ::SSL_CTX_check_private_key(context) != 1) {
        throw bad_file("private_key", key,
                       "is no PEM key without a password that fits the certificate");
    }
}

Context make_context(const TlsClientConfig& config)
{
    Context context{::SSL_CTX_new(::TLS_client_method())};
    constexpr int at_least_112_bits = 2;
    if (!context
        || ::SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION) != 1
        // Ephemeral keys and authenticated encryption only; those of TLS 1.3 are all of that kind.
        || ::SSL_CTX_set_cipher_list(context.get(), "ECDHE+AESGCM:ECDHE+CHACHA20:DHE+AESGCM")
               != 1) {
        throw Error{Fault::internal, "OpenSSL does not start"};
    }
    ::SSL_CTX_set_security_level(context.get(), at_least_112_bits);
    ::SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_IGNORE_UNEXPECTED_EOF);
    ::SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
    must_be_readable("ca_file", config.ca_file);
    if (::SSL_CTX_load_verify_locations(context.get(), config.ca_file.c_str(), nullptr) != 1) {
        throw bad_file("ca_file", config.ca_file, "holds no PEM certificate");
    }
    if (config.certificate && config.private_key) {
        load_identity(context.get(), *config.certificate, *config.private_key);
    }
    return context;
}

} // namespace

struct TlsClient::Data {
    Context context;
    std::string server_name;
    Waiting waiting;
    std::string problem;
};

TlsClient::TlsClient(const TlsClientConfig& config, const std::string& host,
                     std::chrono::seconds patience)
    : m_data{std::make_unique<Data>()}
{
    m_data->context = make_context(config);
    m_data->server_name = config.server_name.empty() ? host : config.server_name;
    m_data->waiting.may_stop = false;
    m_data->waiting.pdu_patience = patience;
    m_data->waiting.longest_wait = patience;
}

TlsClient::~TlsClient() = default;

DcmTransportConnection* TlsClient::connection(int fd)
{
    return make_tls_client_connection(fd, m_data->context.get(), m_data->server_name,
                                      m_data->waiting, m_data->problem);
}

const std::string& TlsClient::problem() const
{
    return m_data->problem;
}

} // namespace fiona::pacs
