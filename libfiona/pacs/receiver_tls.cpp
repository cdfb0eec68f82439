// SPDX-License-Identifier: MIT
#include "libfiona/pacs/receiver_tls.h"

#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/pacs/tls_connection.h"

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmtls/tlslayer.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <ctime>

namespace fiona::pacs {

namespace {

namespace fs = std::filesystem;

TimePoint time_of(const ASN1_TIME* when)
{
    std::tm parts{};
    if (when == nullptr || ::ASN1_TIME_to_tm(when, &parts) != 1) {
        return {};
    }
    return Clock::from_time_t(::timegm(&parts));
}

/// The oldest of OpenSSL's errors: its words, never our files' content.
std::string last_problem()
{
    const auto code = ::ERR_get_error();
    ::ERR_clear_error();
    const auto* const text = ::ERR_reason_error_string(code);
    return text == nullptr ? "unreadable" : text;
}

Error bad_file(const char* key, const fs::path& file, std::string_view problem)
{
    return Error{Fault::config, "RECEIVER.tls.{} {}: {}", key, file.native(), problem};
}

/// Missing or unreadable is said by the system, before OpenSSL says it worse.
void must_be_readable(const char* key, const fs::path& file)
{
    try {
        static_cast<void>(read_file(file, std::size_t{1} << 20U));
    } catch (const Error& e) {
        throw Error{Fault::config, "RECEIVER.tls.{}: {}", key, e.what()};
    }
}

void load_identity(DcmTLSTransportLayer& layer, const TlsConfig& config)
{
    must_be_readable("certificate", config.certificate);
    static_cast<void>(read_secret_file(config.private_key));
    layer.setPrivateKeyPasswd(""); // or OpenSSL asks at the terminal
    if (layer.setCertificateFile(config.certificate.c_str(), DCF_Filetype_PEM).bad()) {
        throw bad_file("certificate", config.certificate, "is no PEM certificate");
    }
    ::ERR_clear_error();
    if (layer.setPrivateKeyFile(config.private_key.c_str(), DCF_Filetype_PEM).bad()) {
        const bool is_of_another =
            layer.checkPrivateKeyMatchesCertificate() == OFFalse
            && ::ERR_GET_REASON(::ERR_peek_error()) == X509_R_KEY_VALUES_MISMATCH;
        ::ERR_clear_error();
        throw bad_file("private_key", config.private_key,
                       is_of_another
                           ? "does not belong to the certificate"
                           : "is no PEM key without a password that fits the certificate");
    }
    if (layer.checkPrivateKeyMatchesCertificate() == OFFalse) {
        throw bad_file("private_key", config.private_key, "does not belong to the certificate");
    }
}

void load_authorities(DcmTLSTransportLayer& layer, const TlsConfig& config)
{
    using enum TlsConfig::ClientCertificates;
    if (config.client_certificates == none || !config.ca_file) {
        layer.setCertificateVerification(DCV_ignoreCertificate);
        return;
    }
    must_be_readable("ca_file", *config.ca_file);
    ::ERR_clear_error();
    if (layer.addTrustedCertificateFile(config.ca_file->c_str(), DCF_Filetype_PEM).bad()
        || layer.addTrustedClientCertificateFile(config.ca_file->c_str()).bad()) {
        throw bad_file("ca_file", *config.ca_file, last_problem());
    }
    layer.setCertificateVerification(config.client_certificates == required ? DCV_requireCertificate
                                                                            : DCV_checkCertificate);
}

void set_rules(DcmTLSTransportLayer& layer)
{
    if (layer.setTLSProfile(TSP_Profile_BCP195_ND).bad() || layer.activateCipherSuites().bad()) {
        throw Error{Fault::internal, "OpenSSL has none of the cipher suites of BCP 195"};
    }
    auto* const context = layer.getNativeHandle();
    constexpr int at_least_112_bits = 2; // DCMTK sets 0
    ::SSL_CTX_set_security_level(context, at_least_112_bits);
    ::SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    ::SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET
                                       | SSL_OP_IGNORE_UNEXPECTED_EOF);
    ::SSL_CTX_set_num_tickets(context, 0);
    ::SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
}

class Layer : public DcmTransportLayer {
public:
    Layer(SSL_CTX* context, Waiting& waiting) : m_context{context}, m_waiting{waiting} {}

    DcmTransportConnection* createConnection(DcmNativeSocketType fd, OFBool secure) override
    {
        // DCMTK takes ownership.
        return secure == OFTrue ? make_tls_connection(fd, m_context, m_waiting) : nullptr;
    }

private:
    SSL_CTX* m_context;
    Waiting& m_waiting;
};

} // namespace

struct TlsContext::Data {
    DcmTLSTransportLayer layer{NET_ACCEPTOR, nullptr, OFTrue};
};

TlsContext::TlsContext(const TlsConfig& config) : m_data{std::make_unique<Data>()}
{
    auto& layer = m_data->layer;
    if (layer.getNativeHandle() == nullptr) {
        throw Error{Fault::internal, "OpenSSL does not start"};
    }
    load_identity(layer, config);
    load_authorities(layer, config);
    set_rules(layer);
}

TlsContext::TlsContext(TlsContext&& other) noexcept = default;
TlsContext& TlsContext::operator=(TlsContext&& other) noexcept = default;
TlsContext::~TlsContext() = default;

TransportLayer TlsContext::transport_layer(Waiting& waiting) const
{
    return TransportLayer{
        std::make_unique<Layer>(m_data->layer.getNativeHandle(), waiting).release()};
}

TimePoint TlsContext::not_before() const
{
    return time_of(
        ::X509_get0_notBefore(::SSL_CTX_get0_certificate(m_data->layer.getNativeHandle())));
}

TimePoint TlsContext::not_after() const
{
    return time_of(
        ::X509_get0_notAfter(::SSL_CTX_get0_certificate(m_data->layer.getNativeHandle())));
}

} // namespace fiona::pacs
