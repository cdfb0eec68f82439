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

/// One thread per connection, made when needed, at most `limit`. Whoever hands over one more waits:
/// the accept loop then pauses, and further clients queue in the kernel instead of in our memory.
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
