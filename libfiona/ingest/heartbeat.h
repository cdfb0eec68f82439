// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/config.h"
#include "libfiona/base/dates.h"
#include "libfiona/base/json.h"
#include "libfiona/base/mode.h"

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

/// Whether a site receives and sorts, and what is done at once if it does not.
namespace fiona::ingest {

/// In order of severity; the numbers are the exit codes of fiona-heartbeat(1).
enum class Health {
    ok = 0,
    restarted = 1, ///< receiver or processor did not work, and does again
    degraded = 2,  ///< both work, and a person should look at something
    down = 3,      ///< the receiver does not answer, or the processor does not run
};

struct HeartbeatOptions {
    std::chrono::seconds echo_timeout{10};
    int echo_attempts = 2;
    std::chrono::milliseconds between_attempts{2000}; ///< a receiver may just be starting
    std::chrono::seconds oldest_entry{120};           ///< of the spool
    std::chrono::minutes oldest_mark{90}; ///< of arrival: an hour it may wait for its association
    Mode mode = Mode::apply;
    /// Who starts the daemons. With others, such as systemd, none is started here, and a receiver that
    /// does not answer gets SIGKILL: it must look like the failure that it is, or it stays down.
    enum class Starts { ours, others } starts = Starts::ours;
    std::chrono::milliseconds patience_with_others{15'000}; ///< until they have started it
};

struct Heartbeat {
    Health health = Health::ok;
    bool is_enabled = true; ///< if not, nothing was asked and nothing started
    TimePoint checked;
    std::vector<std::string> problems; ///< for people, one sentence each
    std::vector<std::string> actions;  ///< what was done, or would be done in a dry run
    enum class Answer { none, refused, echo };
    Answer receiver_answer = Answer::none;
    pid_t receiver_pid = 0;
    std::uint16_t receiver_port = 0;
    pid_t processor_pid = 0;
    std::size_t spool_waiting = 0;
    std::size_t spool_failed = 0;
    std::optional<std::chrono::seconds> spool_oldest; ///< age; nothing if none waits
    std::size_t arrivals_failed = 0;
    std::optional<std::chrono::seconds>
        arrivals_oldest; ///< since the last image of the oldest mark
    std::string disk;    ///< ok, low, hard, unknown
    std::uint64_t free_bytes = 0;

    [[nodiscard]] json::Value as_json() const;
};

/// Asks, starts what does not work, looks at the queues, and writes `<site>/.status/heartbeat.json`
/// (not in a dry run). The receiver is replaced only if it does not answer, its pid file is locked
/// and the process named there is a fiona-storescp: a name or a number alone kills nobody.
/// What cannot be looked at is a problem in the result, not an Error.
[[nodiscard]] Heartbeat heartbeat(const Config& config, TimePoint now,
                                  const HeartbeatOptions& options);

} // namespace fiona::ingest
