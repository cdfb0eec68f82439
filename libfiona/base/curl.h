// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

/// What the rooms that speak HTTP, SMTP and SFTP by libcurl share, without its header.
namespace fiona {

/// One easy handle: one transfer at a time, connections kept between transfers.
class CurlHandle {
public:
    CurlHandle();
    CurlHandle(const CurlHandle&) = delete;
    CurlHandle& operator=(const CurlHandle&) = delete;
    ~CurlHandle();

    /// `option` is a CURLoption. Throw Error{Fault::internal} where libcurl does not take it.
    void set(int option, long value) const;
    void set(int option, const char* value) const; ///< copied by libcurl, but for POSTFIELDS
    void set(int option, const std::string& value) const { set(option, value.c_str()); }
    void set(int option, void* value) const;
    template <typename Result, typename... Arguments>
    void set(int option, Result (*function)(Arguments...)) const
    {
        // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast) cast back by libcurl
        set_function(option, reinterpret_cast<void (*)()>(function));
    }
    /// For functions of libcurl: a CURL*.
    [[nodiscard]] void* get() const { return m_handle; }

private:
    void set_function(int option, void (*function)()) const;

    void* m_handle;
};

struct Url {
    std::string scheme;
    std::string user;
    std::string password;
    std::string host;
    std::string port; ///< "" if it names none
};

/// Nothing if it is no URL.
[[nodiscard]] std::optional<Url> parse_url(const std::string& text);
/// Only addresses and the name localhost: what a resolver says is not asked for.
[[nodiscard]] bool is_loopback(std::string_view host);

} // namespace fiona
