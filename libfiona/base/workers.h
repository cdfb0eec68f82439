// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

namespace fiona {

/// Threads that remove files: a disk mounted with `discard` answers each removal after milliseconds,
/// but many at once.
constexpr unsigned removing_hands = 16;
/// Threads that read and parse small files or headers, which takes a processor.
[[nodiscard]] inline unsigned reading_hands()
{
    return std::clamp(std::thread::hardware_concurrency(), 1U, 4U);
}
/// `hands`, or one for so few files that they are done before the others have started.
[[nodiscard]] constexpr unsigned hands_for(std::size_t files, unsigned hands)
{
    constexpr std::size_t many_files = 32;
    return files < many_files ? 1U : hands;
}

/// Calls `work(index, thread)` for 0..count-1 from `threads` threads that take the next index when
/// they are free; from fewer where the system has no more to give. The first exception stops the
/// rest and is thrown again here.
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
        try {
            for (std::size_t thread = 1; thread < helpers; ++thread) {
                pool.emplace_back(take, thread);
            }
        } catch (const std::system_error&) { // NOLINT(bugprone-empty-catch) those there do it all
        }
        take(0);
    }
    if (first_problem) {
        std::rethrow_exception(first_problem);
    }
}

} // namespace fiona
