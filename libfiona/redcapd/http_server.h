// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/redcapd/api.h"
#include "libfiona/redcapd/faults.h"
#include "libfiona/redcapd/transport.h"

#include <cstddef>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace fiona::redcapd {

/// Plain HTTP carries tokens in clear: it must be asked for, and is for the loopback only.
enum class Clear { refuse, on_loopback };

struct ServerSettings {
    std::optional<std::string> listen;           ///< ADDRESS:PORT
    std::optional<TlsFiles> tls;                 ///< for `listen`
    Clear clear = Clear::refuse;                 ///< `listen` without tls
    std::optional<std::filesystem::path> socket; ///< UNIX socket, mode 0660
    InjectedFaults faults;
    std::size_t max_connections = 64; ///< of each of the two
    unsigned requests_per_minute = 0; ///< from one address; 0: no limit
};

/// POST /api/ over HTTP/1.1: a head up to 16 KiB within 30 s, a body up to 32 MiB within 120 s and
/// with no pause over 30 s, urlencoded or multipart; writing the answer may take 120 s. An idle
/// connection is closed after 60 s, or when its place is needed. One log line for each request,
/// without parameters, tokens or values.
class HttpServer {
public:
    /// Binds at once. Throws as listen_on_tcp(), listen_on_socket() and TlsContext do;
    /// Fault::config if there is nothing to listen on, or plain HTTP was not asked for.
    HttpServer(Api& api, ServerSettings settings);
    HttpServer(const HttpServer&) = delete;
    HttpServer& operator=(const HttpServer&) = delete;
    ~HttpServer();

    /// `http://127.0.0.1:8080/api/` and `unix:/run/redcapd.sock`, for people.
    [[nodiscard]] std::vector<std::string> addresses() const;

    /// Serves until SIGTERM or SIGINT; requests being handled then are answered first. Blocks
    /// both signals in the calling thread: call it while that is the only one.
    void run_until_signal();

private:
    class Listener;
    std::optional<std::filesystem::path> m_socket;
    std::vector<std::string> m_addresses;
    std::vector<std::unique_ptr<Listener>> m_listeners;
};

} // namespace fiona::redcapd
