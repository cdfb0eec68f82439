// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/unique_fd.h"
#include "libfiona/pacs/receiver_report.h"
#include "libfiona/pacs/receiver_signals.h"
#include "libfiona/pacs/receiver_status.h"

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <string>

namespace fiona::pacs {

/// The processes that a receiver has made and not yet reaped: one for each association, a few that only
/// say no over TLS, and at most one that reports storage commitments. Their numbers cannot be another
/// process's, so they may be signalled. Knows what they say about themselves and their peers.
class Children {
public:
    using Steady = std::chrono::steady_clock;

    /// Throws os_error(): no pipe.
    Children();

    /// What a child writes its reports to, and the receiver waits for; both non-blocking.
    [[nodiscard]] int report_end() const { return m_report_end.get(); }
    [[nodiscard]] int fd() const { return m_reports.get(); }

    void add_association(pid_t child, ReceiverStatus::Child state);
    void add_refusal(pid_t child);
    void add_reporter(pid_t child);

    [[nodiscard]] const auto& associations() const { return m_associations; }
    [[nodiscard]] std::size_t associations_of(const std::string& address) const;
    [[nodiscard]] bool has_reporter() const { return m_reporter.has_value(); }
    /// Whether another process may be spent on saying no.
    [[nodiscard]] bool may_refuse() const;
    /// The name that an association has found for the address in the last ten minutes.
    [[nodiscard]] std::optional<std::string> known_host(const std::string& address) const;

    /// Takes in what has been reported.
    void read_reports();
    /// Takes leave of those who have ended; a crash is logged.
    void reap();
    /// Whether anything has changed since the last call.
    [[nodiscard]] bool take_news();

    /// SIGTERM to all, and SIGKILL to those who still live after `grace`. Signals that arrive
    /// meanwhile are swallowed: the receiver is at its end.
    void finish(std::chrono::seconds grace, const Signals& signals);

private:
    struct KnownHost {
        std::string name;
        Steady::time_point until;
    };

    [[nodiscard]] bool is_any_left() const;
    void signal_all(int number) const;
    void wait(Steady::time_point deadline, const Signals& signals);

    UniqueFd m_reports;
    UniqueFd m_report_end;
    std::map<pid_t, ReceiverStatus::Child> m_associations;
    std::set<pid_t> m_refusals;
    std::optional<pid_t> m_reporter;
    std::map<std::string, KnownHost> m_hosts; ///< by address
    bool m_has_news = true;
};

} // namespace fiona::pacs
