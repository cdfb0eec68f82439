// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/unique_fd.h"

namespace fiona::ingest {

/// SIGTERM, SIGINT and SIGHUP of a daemon, read where it suits: they are blocked for the process as long
/// as it lives.
class Signals {
public:
    Signals();

    /// Readable when one came.
    [[nodiscard]] int fd() const { return m_fd.get(); }
    /// Whether SIGTERM or SIGINT came. Does not wait.
    [[nodiscard]] bool stop_requested();
    /// Whether SIGHUP came since the last call.
    [[nodiscard]] bool take_reload();

private:
    void read();

    UniqueFd m_fd;
    bool m_stop = false;
    bool m_reload = false;
};

} // namespace fiona::ingest
