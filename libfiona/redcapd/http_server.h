// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/redcapd/api.h"
#include "libfiona/redcapd/faults.h"

#include <cstddef>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace fiona::redcapd {

struct ServerSettings {
    std::optional<std::string> listen;           ///< ADDRESS:PORT, loopback only
    std::optional<std::filesystem::path> socket; ///< UNIX socket, mode 0660
    InjectedFaults faults;
    std::size_t max_connections = 64; ///< of each of the two; more wait in the kernel's queue
};

/// POST /api/ over plain HTTP/1.1: bodies up to 32 MiB, urlencoded or multipart. Reading a request
/// may take 120 s with no pause over 30 s, writing the answer 120 s, an idle connection is closed
/// after 60 s. One log line for each request, without parameters, tokens or values.
class HttpServer {
public:
    /// Binds at once. Throws as listen_on_loopback() and listen_on_socket() do; Fault::config if
    /// there is nothing to listen on.
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
