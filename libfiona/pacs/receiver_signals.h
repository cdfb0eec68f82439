// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/unique_fd.h"

#include <csignal>

namespace fiona::pacs {

/// SIGTERM, SIGINT, SIGHUP and SIGCHLD as a descriptor: nothing happens between two instructions of
/// ours. They are blocked while the object lives.
class Signals {
public:
    Signals(); ///< throws os_error()
    Signals(const Signals&) = delete;
    Signals& operator=(const Signals&) = delete;
    ~Signals();

    [[nodiscard]] int fd() const { return m_fd.get(); }
    /// The next pending signal, 0 if there is none.
    [[nodiscard]] int next() const;

private:
    sigset_t m_set{};
    sigset_t m_before{};
    UniqueFd m_fd;
};

} // namespace fiona::pacs
