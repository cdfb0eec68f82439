// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/config.h"
#include "libfiona/base/dates.h"

#include <chrono>
#include <memory>
#include <optional>
#include <string>

namespace fiona::redcap {

struct Answer {
    long status = 0;
    std::string body;
    std::optional<std::chrono::seconds> retry_after; ///< RFC 9110 §10.2.3
    /// The server's clock (RFC 9110 §6.6.1) when it got the request, or a little before.
    std::optional<TimePoint> server_time{};
};

/// One connection to one REDCap, kept alive between calls. Certificates are always verified,
/// redirects never followed; plain http only on a UNIX socket or a loopback address. Not for two
/// threads at once.
class Transport {
public:
    /// Throws Error{Fault::config} if the URL is not one we may use.
    explicit Transport(const RedcapConfig& config);
    Transport(const Transport&) = delete;
    Transport& operator=(const Transport&) = delete;
    ~Transport();

    /// A kept-alive connection may have died unseen; then curl sends the request again by itself,
    /// though the server may have acted on the first. `fresh`: exactly once, on a new connection.
    enum class Connection { kept, fresh };

    /// One POST. Throws Error{Fault::unreachable} if no whole answer came within `patience` or the
    /// configured timeout, Error{Fault::config} if the server's certificate is not trusted.
    [[nodiscard]] Answer post(const std::string& body, std::chrono::milliseconds patience,
                              Connection connection = Connection::kept);

private:
    struct Handle;
    std::unique_ptr<Handle> m_handle;
};

} // namespace fiona::redcap
