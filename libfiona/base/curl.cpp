// SPDX-License-Identifier: MIT
#include "libfiona/base/curl.h"

#include "libfiona/base/error.h"

#include <curl/curl.h>

#include <memory>

namespace fiona {

namespace {

struct UrlDeleter {
    void operator()(CURLU* url) const { ::curl_url_cleanup(url); }
};
struct TextDeleter {
    void operator()(char* text) const { ::curl_free(text); }
};

std::string part_of(CURLU* url, CURLUPart part)
{
    char* text = nullptr;
    if (::curl_url_get(url, part, &text, 0) != CURLUE_OK) {
        return {};
    }
    const std::unique_ptr<char, TextDeleter> owner{text};
    return text;
}

void initialize_once()
{
    static const CURLcode result = ::curl_global_init(CURL_GLOBAL_DEFAULT);
    if (result != CURLE_OK) {
        throw Error{Fault::internal, "libcurl: {}", ::curl_easy_strerror(result)};
    }
}

void set_option(CURL* handle, int option, auto value)
{
    const auto result = ::curl_easy_setopt(handle, static_cast<CURLoption>(option), value);
    if (result != CURLE_OK) {
        throw Error{Fault::internal, "libcurl option {}: {}", option, ::curl_easy_strerror(result)};
    }
}

} // namespace

CurlHandle::CurlHandle()
{
    initialize_once();
    m_handle = ::curl_easy_init();
    if (m_handle == nullptr) {
        throw Error{Fault::internal, "libcurl gives no handle"};
    }
}

CurlHandle::~CurlHandle()
{
    ::curl_easy_cleanup(m_handle);
}

void CurlHandle::set(int option, long value) const
{
    set_option(m_handle, option, value);
}

void CurlHandle::set(int option, const char* value) const
{
    set_option(m_handle, option, value);
}

void CurlHandle::set(int option, void* value) const
{
    set_option(m_handle, option, value);
}

void CurlHandle::set_function(int option, void (*function)()) const
{
    set_option(m_handle, option, function);
}

std::optional<Url> parse_url(const std::string& text)
{
    const std::unique_ptr<CURLU, UrlDeleter> url{::curl_url()};
    if (text.empty() || ::curl_url_set(url.get(), CURLUPART_URL, text.c_str(), 0) != CURLUE_OK) {
        return std::nullopt;
    }
    return Url{part_of(url.get(), CURLUPART_SCHEME), part_of(url.get(), CURLUPART_USER),
               part_of(url.get(), CURLUPART_PASSWORD), part_of(url.get(), CURLUPART_HOST),
               part_of(url.get(), CURLUPART_PORT)};
}

bool is_loopback(std::string_view host)
{
    return host == "localhost" || host == "[::1]" || host == "::1"
           || (host.starts_with("127.")
               && host.find_first_not_of("0123456789.") == std::string_view::npos);
}

} // namespace fiona
