// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/unique_fd.h"

#include <chrono>
#include <filesystem>

namespace fiona::ingest {

/// What wakes the file processor: its doorbell (a FIFO into which writers put a byte and never
/// wait), a new name in the spool, a signal, or time.
class Wakeup {
public:
    /// Makes the FIFO (mode 0620) if it is missing, watches `spool_new`, and blocks SIGTERM, SIGINT
    /// and SIGHUP for the process: they are read here. Throws Error{Fault::config} if something
    /// else has the FIFO's name.
    Wakeup(const std::filesystem::path& doorbell, const std::filesystem::path& spool_new);

    /// Returns at the first event or after `longest`; all pending rings are consumed.
    void wait(std::chrono::milliseconds longest);
    /// Whether SIGTERM or SIGINT came. Does not wait.
    [[nodiscard]] bool stop_requested();
    /// Whether SIGHUP came since the last call.
    [[nodiscard]] bool take_reload();

private:
    void read_signals();

    UniqueFd m_doorbell;
    UniqueFd m_watch;
    UniqueFd m_signals;
    bool m_stop = false;
    bool m_reload = false;
};

/// Rings if somebody listens; never waits, never fails.
void ring(const std::filesystem::path& doorbell);

} // namespace fiona::ingest
