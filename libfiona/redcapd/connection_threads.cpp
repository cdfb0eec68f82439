// SPDX-License-Identifier: MIT
#include "libfiona/redcapd/connection_threads.h"

#include <algorithm>
#include <utility>

namespace fiona::redcapd {

void ConnectionThreads::add(std::function<void()> job)
{
    const std::scoped_lock lock{m_mutex};
    ++m_busy;
    m_jobs.push_back(std::move(job));
    if (m_threads.size() < std::min(m_busy, m_limit)) {
        m_threads.emplace_back([this] { work(); });
    }
    m_changed.notify_all();
}

void ConnectionThreads::finish()
{
    {
        const std::scoped_lock lock{m_mutex};
        m_finishing = true;
        m_changed.notify_all();
    }
    for (auto& thread : m_threads) {
        if (thread.joinable()) {
            thread.join();
        }
    }
}

void ConnectionThreads::work()
{
    std::unique_lock lock{m_mutex};
    for (;;) {
        m_changed.wait(lock, [&] { return m_finishing || !m_jobs.empty(); });
        if (m_jobs.empty()) {
            return;
        }
        auto job = std::move(m_jobs.front());
        m_jobs.pop_front();
        lock.unlock();
        job();
        lock.lock();
        --m_busy;
        m_changed.notify_all();
    }
}

} // namespace fiona::redcapd
