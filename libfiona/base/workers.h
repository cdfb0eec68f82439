// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

namespace fiona {

/// Calls `work(index, thread)` for 0..count-1 from `threads` threads that take the next index when
/// they are free. The first exception stops the rest and is thrown again here.
template <typename Work>
void for_each_index(std::size_t count, unsigned threads, const Work& work)
{
    std::atomic<std::size_t> next{0};
    std::exception_ptr first_problem;
    std::mutex mutex;
    const auto take = [&](std::size_t thread) {
        for (auto index = next++; index < count; index = next++) {
            try {
                work(index, thread);
            } catch (...) { // carried to the caller: nothing may leave a thread
                const std::lock_guard lock{mutex};
                if (!first_problem) {
                    first_problem = std::current_exception();
                }
                next = count;
            }
        }
    };
    const auto helpers = std::min<std::size_t>(threads == 0 ? 1 : threads, count);
    {
        std::vector<std::jthread> pool;
        for (std::size_t thread = 1; thread < helpers; ++thread) {
            pool.emplace_back(take, thread);
        }
        take(0);
    }
    if (first_problem) {
        std::rethrow_exception(first_problem);
    }
}

} // namespace fiona
