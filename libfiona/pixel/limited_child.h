// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/unique_fd.h"

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

namespace fiona::pixel {

struct ChildLimits {
    std::uint64_t memory_bytes = std::uint64_t{1} << 30U; ///< address space beyond what is there
    std::uint64_t file_bytes = std::uint64_t{1} << 32U;   ///< of one file it writes
    std::chrono::seconds cpu{60};
    std::chrono::seconds wall{600};
};

/// Work on a stranger's bytes in a copy of this process that cannot take the machine with it: limits
/// of memory, processor time and output, no core file. What it returns comes back through a pipe.
///
/// By fork(2), so that loaded models and dictionaries are shared: to be used while this process
/// has one thread.
class LimitedChild {
public:
    LimitedChild(const ChildLimits& limits, const std::function<std::string()>& work);
    LimitedChild(const LimitedChild&) = delete;
    LimitedChild& operator=(const LimitedChild&) = delete;
    ~LimitedChild();

    [[nodiscard]] pid_t pid() const { return m_pid; }
    /// Readable when there is something for take().
    [[nodiscard]] int fd() const { return m_read.get(); }
    [[nodiscard]] std::chrono::steady_clock::time_point deadline() const { return m_deadline; }
    /// Reads what is there; true when the child has said all.
    [[nodiscard]] bool take();
    /// Ends it if its time is over, waits, and gives its answer. Throws its Error again;
    /// Error{Fault::data} naming the limit if one of them stopped it.
    [[nodiscard]] std::string finish();

private:
    pid_t m_pid = -1;
    UniqueFd m_read;
    std::string m_answer;
    std::chrono::steady_clock::time_point m_deadline;
};

/// One child, until it is done.
[[nodiscard]] std::string run_limited(const ChildLimits& limits,
                                      const std::function<std::string()>& work);

} // namespace fiona::pixel
