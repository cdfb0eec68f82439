// SPDX-License-Identifier: MIT
#include "libfiona/notify/mailer.h"

#include "libfiona/base/curl.h"
#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/base/text.h"

#include <curl/curl.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

namespace fiona::notify {

namespace {

constexpr long lowest_refusal = 400; // RFC 5321 §4.2.1
constexpr long lowest_final_refusal = 500;

/// What libcurl takes away piece by piece.
struct Message {
    std::string_view rest;
    bool is_handed_over = false;
};

std::size_t give(char* buffer, std::size_t size, std::size_t count, void* source)
{
    auto& message = *static_cast<Message*>(source);
    const auto bytes = std::min(size * count, message.rest.size());
    std::memcpy(buffer, message.rest.data(), bytes);
    message.rest.remove_prefix(bytes);
    message.is_handed_over = bytes == 0;
    return bytes;
}

bool is_about_trust(CURLcode code)
{
    constexpr std::array codes{CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CACERT_BADFILE,
                               CURLE_SSL_ISSUER_ERROR, CURLE_SSL_PINNEDPUBKEYNOTMATCH};
    return std::ranges::find(codes, code) != codes.end();
}

bool nobody_answered(CURLcode code)
{
    constexpr std::array codes{CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_CONNECT,
                               CURLE_OPERATION_TIMEDOUT, CURLE_SSL_CONNECT_ERROR};
    return std::ranges::find(codes, code) != codes.end();
}

/// libcurl's own words name the step; they hold nothing but it and the status.
std::string_view refused_part(std::string_view complaint)
{
    return complaint.starts_with("RCPT")   ? "a recipient"
           : complaint.starts_with("MAIL") ? "our address as sender"
                                           : "the mail";
}

Error complaint(CURLcode code, long status, std::string_view words)
{
    if (is_about_trust(code)) {
        return Error{Fault::config,
                     "the certificate of the mail server is not trusted ({}): see SMTP.ca_file",
                     ::curl_easy_strerror(code)};
    }
    if (code == CURLE_USE_SSL_FAILED) {
        return Error{Fault::config, "the mail server offers no TLS: see SMTP.url and SMTP.tls"};
    }
    if (nobody_answered(code) || status < lowest_refusal) {
        return Error{Fault::unreachable, "the mail server does not answer: {}",
                     ::curl_easy_strerror(code)};
    }
    if (status < lowest_final_refusal) {
        return Error{Fault::temporary, "the mail server wants {} later ({})", refused_part(words),
                     status};
    }
    if (code == CURLE_LOGIN_DENIED) {
        return Error{Fault::permission, "the mail server refuses the user of SMTP.user_file ({})",
                     status};
    }
    return Error{Fault::protocol, "the mail server refuses {} ({})", refused_part(words), status};
}

Mailbox sender_of(const SmtpConfig& config)
{
    try {
        return parse_mailbox(config.from);
    } catch (const Error& e) {
        throw Error{Fault::config, "SMTP.from: {}", e.what()};
    }
}

} // namespace

/// One connection and one conversation.
class Mailer::Session {
public:
    explicit Session(const Mailer& mailer)
    {
        const auto& config = mailer.m_config;
        m_curl.set(CURLOPT_URL, config.url);
        m_curl.set(CURLOPT_PROTOCOLS_STR, "smtp,smtps");
        m_curl.set(CURLOPT_PROXY, "");
        m_curl.set(CURLOPT_NOSIGNAL, 1L);
        m_curl.set(CURLOPT_TIMEOUT_MS, std::chrono::milliseconds{config.timeout}.count());
        m_curl.set(CURLOPT_USE_SSL,
                   static_cast<long>(mailer.m_wants_tls ? CURLUSESSL_ALL : CURLUSESSL_NONE));
        m_curl.set(CURLOPT_SSL_VERIFYPEER, 1L);
        m_curl.set(CURLOPT_SSL_VERIFYHOST, 2L);
        m_curl.set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
        m_curl.set(CURLOPT_ERRORBUFFER, static_cast<void*>(m_words.data()));
        if (config.ca_file) {
            m_curl.set(CURLOPT_CAINFO, config.ca_file->native());
            m_curl.set(CURLOPT_CAPATH, static_cast<const char*>(nullptr));
        }
        if (mailer.m_login) {
            m_curl.set(CURLOPT_USERNAME, mailer.m_login->user);
            m_curl.set(CURLOPT_PASSWORD, mailer.m_login->password.reveal());
        }
    }
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;
    ~Session() { ::curl_slist_free_all(m_recipients); }

    void add_recipient(const Mailbox& box)
    {
        m_recipients = ::curl_slist_append(m_recipients, box.address.str().c_str());
    }

    Delivery send(const Mailbox& from, std::string_view text)
    {
        Message message{text};
        m_curl.set(CURLOPT_MAIL_FROM, from.address.str());
        m_curl.set(CURLOPT_MAIL_RCPT, static_cast<void*>(m_recipients));
        m_curl.set(CURLOPT_UPLOAD, 1L);
        m_curl.set(CURLOPT_READFUNCTION, &give);
        m_curl.set(CURLOPT_READDATA, static_cast<void*>(&message));
        const auto code = ::curl_easy_perform(m_curl.get());
        if (code == CURLE_OK) {
            return Delivery::accepted;
        }
        if (message.is_handed_over && status() < lowest_refusal) {
            return Delivery::uncertain;
        }
        throw complaint(code, status(), m_words.data());
    }

    void greet()
    {
        m_curl.set(CURLOPT_NOBODY, 1L);
        m_curl.set(CURLOPT_CUSTOMREQUEST, "NOOP");
        const auto code = ::curl_easy_perform(m_curl.get());
        if (code != CURLE_OK) {
            throw complaint(code, status(), m_words.data());
        }
    }

private:
    [[nodiscard]] long status() const
    {
        long status = 0;
        ::curl_easy_getinfo(m_curl.get(), CURLINFO_RESPONSE_CODE, &status);
        return status;
    }

    std::array<char, CURL_ERROR_SIZE> m_words{};
    curl_slist* m_recipients = nullptr;
    CurlHandle m_curl;
};

Mailer::Mailer(SmtpConfig config) : m_config{std::move(config)}, m_from{sender_of(m_config)}
{
    const auto url = parse_url(m_config.url);
    if (!url || (url->scheme != "smtp" && url->scheme != "smtps")) {
        throw Error{Fault::config, "SMTP.url is missing or no smtp:// or smtps:// URL"};
    }
    if (!url->user.empty() || !url->password.empty()) {
        throw Error{Fault::config, "SMTP.url must not hold a user or a password: SMTP.user_file"};
    }
    using enum SmtpConfig::Tls;
    const bool is_local = is_loopback(url->host);
    m_wants_tls = m_config.tls == required || (m_config.tls == automatic && !is_local);
    if (m_config.user_file) {
        if (!m_wants_tls && !is_local && url->scheme != "smtps") {
            throw Error{Fault::config,
                        "SMTP.user_file goes with TLS only: no password goes over the wire"};
        }
        m_login = read_login(*m_config.user_file);
    }
}

Mailer::Login Mailer::read_login(const std::filesystem::path& file)
{
    const auto secret = read_secret_file(file);
    std::string user;
    std::string password;
    for (const auto line : split(secret.reveal(), '\n')) {
        const auto equals = line.find('=');
        const auto key = trimmed(line.substr(0, equals));
        if (equals != std::string_view::npos && (key == "user" || key == "password")) {
            (key == "user" ? user : password) = trimmed(line.substr(equals + 1));
        }
    }
    if (user.empty() || password.empty()) {
        throw Error{Fault::config, "{} needs the lines \"user = ..\" and \"password = ..\"",
                    file.native()};
    }
    return {std::move(user), Private{std::move(password)}};
}

Mailer::Delivery Mailer::send(const Mail& mail, TimePoint now) const
{
    const auto text = render(mail, m_from, now);
    Session session{*this};
    for (const auto* const boxes : {&mail.to, &mail.cc}) {
        for (const auto& box : *boxes) {
            session.add_recipient(box);
        }
    }
    return session.send(mail.from ? *mail.from : m_from, text);
}

void Mailer::check() const
{
    Session{*this}.greet();
}

} // namespace fiona::notify
