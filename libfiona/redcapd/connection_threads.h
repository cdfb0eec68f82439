// SPDX-License-Identifier: MIT
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace fiona::redcapd {

/// Threads for the requests that are being handled: made when needed, at most `limit`, kept until
/// the end. What is handed over meanwhile waits its turn; it is never more than the connections.
class ConnectionThreads {
public:
    explicit ConnectionThreads(std::size_t limit) : m_limit{limit} {}
    ConnectionThreads(const ConnectionThreads&) = delete;
    ConnectionThreads& operator=(const ConnectionThreads&) = delete;
    ~ConnectionThreads() { finish(); }

    void add(std::function<void()> job);
    /// Waits until all jobs handed over are done.
    void finish();

private:
    void work();

    std::size_t m_limit;
    std::mutex m_mutex;
    std::condition_variable m_changed;
    std::deque<std::function<void()>> m_jobs;
    std::vector<std::thread> m_threads;
    std::size_t m_busy = 0; ///< jobs waiting and running
    bool m_finishing = false;
};

} // namespace fiona::redcapd
