// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/unique_fd.h"
#include "libfiona/redcapd/connection.h"
#include "libfiona/redcapd/connection_threads.h"

#include <chrono>
#include <cstddef>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace fiona::redcapd {

/// All connections of one listening socket. Only a connection with a request at hand occupies a
/// thread; the others are watched by one poll(2), so clients that keep their connection open and
/// silent delay nobody. When there are `max_connections` and one more comes, the one that has been
/// silent longest is closed; when all of them are at work the new one waits in the kernel's queue.
class Connections {
public:
    /// Handles one request; false if the connection shall be closed.
    using Serve = std::function<bool(Connection&)>;
    using Wrap = std::function<std::unique_ptr<Transport>(UniqueFd)>;

    /// `listener` stays the caller's and must outlive the object.
    Connections(int listener, std::size_t max_connections, Wrap wrap, Serve serve);

    /// Until end(): requests being handled then are finished. Throws Error{Fault::io} if the
    /// socket accepts no more.
    void run();
    /// From any thread.
    void end();

private:
    using Time = std::chrono::steady_clock::time_point;
    struct Idle {
        std::unique_ptr<Connection> connection;
        Time since;
    };

    void take_back();
    void accept_one();
    void start(std::unique_ptr<Connection> connection);
    void serve(std::unique_ptr<Connection> connection);
    void close_expired();
    [[nodiscard]] int patience() const;

    int m_listener;
    std::size_t m_max;
    Wrap m_wrap;
    Serve m_serve;
    UniqueFd m_wake; ///< readable: end() was called, or a connection came back
    std::mutex m_mutex;
    std::vector<std::unique_ptr<Connection>> m_back; ///< from the threads
    std::size_t m_working = 0;                       ///< under m_mutex
    bool m_ending = false;                           ///< under m_mutex
    std::list<Idle> m_idle;                          ///< longest first; of run()'s thread
    ConnectionThreads m_threads;                     ///< last: its end waits for the jobs
};

} // namespace fiona::redcapd
