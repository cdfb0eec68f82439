// SPDX-License-Identifier: MIT
#include "libfiona/redcap/transport.h"

#include "libfiona/base/curl.h"
#include "libfiona/base/error.h"

#include <curl/curl.h>

#include <algorithm>
#include <array>

namespace fiona::redcap {

namespace {

/// More than any export of a hospital; a server that sends more is not talking to us.
constexpr std::size_t max_answer_bytes = std::size_t{512} << 20U;

enum class Road { local, network };

/// The URL is not repeated in a complaint: people put passwords there.
Road check_url(const RedcapConfig& config)
{
    const auto url = parse_url(config.url);
    if (!url) {
        throw Error{
            Fault::config,
            "REDCAP.url is missing or no URL; it looks like https://redcap.example.org/api/"};
    }
    if (!url->user.empty() || !url->password.empty()) {
        throw Error{Fault::config, "REDCAP.url must not hold a user or a password"};
    }
    const bool local = config.unix_socket.has_value() || is_loopback(url->host);
    if (url->scheme != "https" && !(url->scheme == "http" && local)) {
        throw Error{Fault::config, "REDCAP.url must be https; http is for a UNIX socket or a "
                                   "loopback address only"};
    }
    return local ? Road::local : Road::network;
}

std::size_t collect(char* data, std::size_t size, std::size_t count, void* target)
{
    auto& body = *static_cast<std::string*>(target);
    const auto bytes = size * count;
    if (bytes > max_answer_bytes - body.size()) {
        return 0; // curl ends the transfer
    }
    body.append(data, bytes);
    return bytes;
}

/// Nothing if the answer has no Date, or none that can be read.
std::optional<TimePoint> date_of(CURL* curl)
{
    curl_header* header = nullptr;
    if (::curl_easy_header(curl, "Date", 0, CURLH_HEADER, -1, &header) != CURLHE_OK) {
        return std::nullopt;
    }
    const auto seconds = ::curl_getdate(header->value, nullptr);
    return seconds < 0 ? std::nullopt : std::optional{Clock::from_time_t(seconds)};
}

bool is_about_trust(CURLcode code)
{
    constexpr std::array codes{CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CACERT_BADFILE,
                               CURLE_SSL_ISSUER_ERROR, CURLE_SSL_PINNEDPUBKEYNOTMATCH};
    return std::ranges::find(codes, code) != codes.end();
}

} // namespace

struct Transport::Handle {
    Handle() = default;
    Handle(const Handle&) = delete;
    Handle& operator=(const Handle&) = delete;
    ~Handle() { ::curl_slist_free_all(headers); }

    CurlHandle curl;
    curl_slist* headers = nullptr;
    std::chrono::milliseconds timeout{0};
};

Transport::Transport(const RedcapConfig& config)
{
    const auto road = check_url(config);
    m_handle = std::make_unique<Handle>();
    auto& handle = *m_handle;
    handle.timeout = config.timeout;
    // "Expect: 100-continue" costs a second with servers that do not know it.
    handle.headers = ::curl_slist_append(handle.headers, "Expect:");
    handle.curl.set(CURLOPT_HTTPHEADER, static_cast<void*>(handle.headers));
    handle.curl.set(CURLOPT_URL, config.url.c_str());
    handle.curl.set(CURLOPT_PROTOCOLS_STR, "http,https");
    handle.curl.set(CURLOPT_POST, 1L);
    handle.curl.set(CURLOPT_FOLLOWLOCATION, 0L);
    handle.curl.set(CURLOPT_NOSIGNAL, 1L);
    handle.curl.set(CURLOPT_MAXCONNECTS, 1L);
    handle.curl.set(CURLOPT_USERAGENT, "fiona/" FIONA_VERSION);
    handle.curl.set(CURLOPT_SSL_VERIFYPEER, 1L);
    handle.curl.set(CURLOPT_SSL_VERIFYHOST, 2L);
    handle.curl.set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
    handle.curl.set(CURLOPT_CONNECTTIMEOUT_MS,
                    std::chrono::milliseconds{config.connect_timeout}.count());
    handle.curl.set(CURLOPT_WRITEFUNCTION, &collect);
    if (config.ca_file) {
        handle.curl.set(CURLOPT_CAINFO, config.ca_file->c_str());
    }
    if (config.unix_socket) {
        handle.curl.set(CURLOPT_UNIX_SOCKET_PATH, config.unix_socket->c_str());
    }
    if (road == Road::local) {
        handle.curl.set(CURLOPT_PROXY,
                        ""); // http_proxy of the environment is for the outside world
    }
}

Transport::~Transport() = default;

Answer Transport::post(const std::string& body, std::chrono::milliseconds patience,
                       Connection connection)
{
    const auto& handle = *m_handle;
    Answer answer;
    const auto limit = std::clamp(std::min(handle.timeout, patience), std::chrono::milliseconds{1},
                                  std::chrono::milliseconds{std::chrono::hours{1}});
    handle.curl.set(CURLOPT_TIMEOUT_MS, limit.count());
    handle.curl.set(CURLOPT_FRESH_CONNECT, connection == Connection::fresh ? 1L : 0L);
    handle.curl.set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
    handle.curl.set(CURLOPT_POSTFIELDS, body.data());
    handle.curl.set(CURLOPT_WRITEDATA, static_cast<void*>(&answer.body));

    const auto begin = std::chrono::steady_clock::now();
    const auto result = ::curl_easy_perform(handle.curl.get());
    const auto took = std::chrono::steady_clock::now() - begin;
    handle.curl.set(CURLOPT_POSTFIELDS, ""); // the body belongs to the caller
    if (is_about_trust(result)) {
        throw Error{Fault::config,
                    "the certificate of REDCap is not trusted ({}): see REDCAP.ca_file",
                    ::curl_easy_strerror(result)};
    }
    if (result == CURLE_WRITE_ERROR) {
        throw Error{Fault::protocol, "REDCap answers with more than {} bytes", max_answer_bytes};
    }
    if (result != CURLE_OK) {
        throw Error{Fault::unreachable, "REDCap does not answer: {}", ::curl_easy_strerror(result)};
    }
    ::curl_easy_getinfo(handle.curl.get(), CURLINFO_RESPONSE_CODE, &answer.status);
    if (const auto date = date_of(handle.curl.get())) {
        answer.server_time = *date - std::chrono::ceil<Clock::duration>(took);
    }
    curl_off_t retry_after = 0;
    ::curl_easy_getinfo(handle.curl.get(), CURLINFO_RETRY_AFTER, &retry_after);
    if (retry_after > 0) {
        answer.retry_after = std::chrono::seconds{std::min<curl_off_t>(retry_after, 86400)};
    }
    return answer;
}

} // namespace fiona::redcap
