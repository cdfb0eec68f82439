// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/unique_fd.h"

#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

/// An answer that never comes.
constexpr std::string_view silence = "silence";

/// Real HTTP bytes from a plain socket: each request gets the next answer of the script, whatever
/// is wrong with it. An empty answer closes the connection without a word.
class ScriptedServer {
public:
    /// On 127.0.0.1, or on a UNIX socket if a path is given.
    explicit ScriptedServer(std::vector<std::string> answers, const std::string& unix_socket = {});
    ScriptedServer(const ScriptedServer&) = delete;
    ScriptedServer& operator=(const ScriptedServer&) = delete;
    ~ScriptedServer();

    [[nodiscard]] std::string url() const;
    /// Bodies of all requests so far, percent-decoded.
    [[nodiscard]] std::vector<std::string> requests() const;
    [[nodiscard]] unsigned connections() const { return m_connections; }

private:
    void serve(const std::stop_token& stop);
    bool answer_one(int connection, std::string& buffer);

    std::vector<std::string> m_answers;
    fiona::UniqueFd m_listener;
    std::uint16_t m_port = 0;
    mutable std::mutex m_mutex;
    std::vector<std::string> m_requests;
    std::atomic<unsigned> m_connections{0};
    std::jthread m_thread; // last: joined before the rest goes
};

/// `HTTP/1.1 200 OK` and so on, with a right Content-Length.
std::string http(int status, std::string_view body, std::string_view headers = {});
/// The same, but the connection ends `missing` bytes before the body does.
std::string cut_off(std::string_view body, std::size_t missing);
