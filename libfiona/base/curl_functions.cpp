// SPDX-License-Identifier: MIT
// The functions of libcurl that we call, under their own names: each asks the library, which is
// loaded by the first call. Linked the usual way it would load 28 libraries more at every start of
// every tool: 4 MB and 5 ms, mostly of protocols that nobody here speaks.
#include "libfiona/base/shared_library.h"

#include <curl/curl.h>

#include <cstdarg>

// These are macros that check types, for callers.
#undef curl_easy_setopt
#undef curl_easy_getinfo

namespace {

template <typename Function>
Function* libcurl(const char* name)
{
    static const fiona::SharedLibrary library{"libcurl.so.4", "libcurl", "libcurl4"};
    return library.get<Function>(name);
}

} // namespace

// NOLINTBEGIN(cppcoreguidelines-*,readability-*,cert-dcl50-cpp) as libcurl declares them; and a
// macro, for a name that is both a function and a text.
#define FIONA_LIBCURL(function)                                                                    \
    static auto* const call = libcurl<decltype(function)>(#function);                              \
    return call

extern "C" {

CURLcode curl_global_init(long flags)
{
    FIONA_LIBCURL(curl_global_init)(flags);
}

CURL* curl_easy_init()
{
    FIONA_LIBCURL(curl_easy_init)();
}

void curl_easy_cleanup(CURL* curl)
{
    FIONA_LIBCURL(curl_easy_cleanup)(curl);
}

CURLcode curl_easy_perform(CURL* curl)
{
    FIONA_LIBCURL(curl_easy_perform)(curl);
}

const char* curl_easy_strerror(CURLcode code)
{
    FIONA_LIBCURL(curl_easy_strerror)(code);
}

CURLHcode curl_easy_header(CURL* curl, const char* name, size_t index, unsigned int origin,
                           int request, curl_header** header)
{
    FIONA_LIBCURL(curl_easy_header)(curl, name, index, origin, request, header);
}

curl_slist* curl_slist_append(curl_slist* list, const char* text)
{
    FIONA_LIBCURL(curl_slist_append)(list, text);
}

void curl_slist_free_all(curl_slist* list)
{
    if (list != nullptr) { // else nobody may have loaded the library
        FIONA_LIBCURL(curl_slist_free_all)(list);
    }
}

time_t curl_getdate(const char* text, const time_t* unused)
{
    FIONA_LIBCURL(curl_getdate)(text, unused);
}

void curl_free(void* memory)
{
    FIONA_LIBCURL(curl_free)(memory);
}

CURLU* curl_url()
{
    FIONA_LIBCURL(curl_url)();
}

void curl_url_cleanup(CURLU* url)
{
    FIONA_LIBCURL(curl_url_cleanup)(url);
}

CURLUcode curl_url_get(CURLU* url, CURLUPart part, char** text, unsigned int flags)
{
    FIONA_LIBCURL(curl_url_get)(url, part, text, flags);
}

CURLUcode curl_url_set(CURLU* url, CURLUPart part, const char* text, unsigned int flags)
{
    FIONA_LIBCURL(curl_url_set)(url, part, text, flags);
}

// Each takes one more argument: a pointer, a long or a curl_off_t, all of one size on what Debian
// builds for with 64 bits.
static_assert(sizeof(long) == sizeof(void*) && sizeof(curl_off_t) == sizeof(void*));

CURLcode curl_easy_setopt(CURL* curl, CURLoption option, ...)
{
    std::va_list arguments;
    va_start(arguments, option);
    auto* const value = va_arg(arguments, void*);
    va_end(arguments);
    FIONA_LIBCURL(curl_easy_setopt)(curl, option, value);
}

CURLcode curl_easy_getinfo(CURL* curl, CURLINFO info, ...)
{
    std::va_list arguments;
    va_start(arguments, info);
    auto* const target = va_arg(arguments, void*);
    va_end(arguments);
    FIONA_LIBCURL(curl_easy_getinfo)(curl, info, target);
}

} // extern "C"
// NOLINTEND(cppcoreguidelines-*,readability-*,cert-dcl50-cpp)
