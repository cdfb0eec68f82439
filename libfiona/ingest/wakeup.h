// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/unique_fd.h"
#include "libfiona/ingest/signals.h"

#include <chrono>
#include <filesystem>

namespace fiona::ingest {

/// What wakes the file processor: its doorbell (a FIFO into which writers put a byte and never
/// wait), a new name in the spool, a signal, or time.
class Wakeup {
public:
    /// Makes the FIFO (mode 0620) if it is missing, watches `spool_new`, and takes the signals. Throws
    /// Error{Fault::config} if something else has the FIFO's name.
    Wakeup(const std::filesystem::path& doorbell, const std::filesystem::path& spool_new);

    /// Returns at the first event, one of the descriptor `more`, or after `longest`; all pending rings
    /// are consumed.
    void wait(std::chrono::milliseconds longest, int more = -1);
    /// Returns after `time`, whatever comes meanwhile, or at a signal.
    void rest(std::chrono::milliseconds time);
    [[nodiscard]] bool stop_requested() { return m_signals.stop_requested(); }
    [[nodiscard]] bool take_reload() { return m_signals.take_reload(); }

private:
    UniqueFd m_doorbell;
    UniqueFd m_watch;
    Signals m_signals;
};

/// The FIFO, open for reading without waiting; made if it is missing, mode 0620. Open for writing too, so
/// that the last writer that closes does not end it. Throws Error{Fault::config} if it is no FIFO.
[[nodiscard]] UniqueFd open_fifo(const std::filesystem::path& path);

/// Rings if somebody listens; never waits, never fails.
void ring(const std::filesystem::path& doorbell);

} // namespace fiona::ingest
