// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/config.h"
#include "libfiona/base/dates.h"
#include "libfiona/base/mode.h"
#include "libfiona/status/crontab.h"
#include "libfiona/status/days.h"
#include "libfiona/status/history.h"
#include "libfiona/status/request_queue.h"
#include "libfiona/store/disk_space.h"

#include <sys/types.h>

#include <cstdint>
#include <exception>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

/// How a site stands, on one screen: what came, what waits, what failed, who runs, and what to do.
namespace fiona::status {

struct Daemon {
    std::string name;
    std::filesystem::path pid_file;
    bool is_expected = true; ///< false: only of interest if it runs
    pid_t pid = 0;           ///< 0: it does not run
};

/// A peer that is asked whether it answers; `ask` throws Error if not.
struct Probe {
    std::string name;
    std::function<void()> ask;
};

struct PeerAnswer {
    std::string name;
    bool answers = false;
    std::string reason; ///< why not
    std::chrono::duration<double> took{};
};

/// A queue beside the road: packages, jobs, the outbox, uploads.
struct OtherQueue {
    std::string name;
    std::size_t waiting = 0;
    std::optional<TimePoint> oldest;
    std::size_t failed = 0;              ///< given up, or set aside
    std::string next;                    ///< what to do about those
    std::chrono::hours longest_wait{24}; ///< what waits longer is a trouble
    std::string next_if_late{};          ///< what to do about that
};

/// Something that a person should see to.
struct Trouble {
    enum class Severity {
        warning, ///< something waits for a person
        critical ///< the road of the studies is blocked
    } severity = Severity::warning;
    std::string what;
    std::string next; ///< what to do
};

/// What other rooms know of a site.
struct Surroundings {
    std::vector<Trouble> troubles; ///< what could not be looked at there
    std::vector<Daemon> daemons;
    std::vector<Probe> probes;
    std::vector<OtherQueue> queues;
    std::string crontab;             ///< its text; "": nobody knows when the tools should run
    bool is_crontab_assumed = false; ///< not the site's own: then only what has ever run counts
    bool is_reception_enabled = true;
    std::uint64_t received_objects = 0, received_bytes = 0; ///< totals of the receiver
};

struct Amounts {
    std::size_t count = 0;
    std::optional<TimePoint> oldest; ///< nothing where there is none
};

struct DiskArea {
    std::string name;
    store::DiskSpace space;
    store::DiskState state = store::DiskState::ok;
};

/// What is looked at by itself: one that cannot be read hides no other.
enum class Part { arrivals, spool, requests, disks, daemons, set_aside, history, jobs };
[[nodiscard]] std::string_view name_of(Part part);

struct Summary {
    /// Nobody knows how these stand: what is below of them is no answer, and must not be shown as one.
    std::set<Part> unseen;
    [[nodiscard]] bool knows(Part part) const { return !unseen.contains(part); }

    TimePoint when;
    std::string host;
    std::uint64_t arrived_today = 0, arrived_week = 0; ///< studies
    std::optional<TimePoint> last_arrival;
    std::size_t arriving = 0; ///< studies that still arrive, or are not yet noticed
    bool is_reception_enabled = true;
    std::uint64_t received_objects = 0, received_bytes = 0;
    Amounts spool;
    std::map<RequestState, Amounts> requests;    ///< every state
    std::map<std::string, std::size_t> failures; ///< of the last 24 hours, by reason
    std::vector<DiskArea> disks;
    std::optional<TimePoint> full_when;
    std::vector<Daemon> daemons;
    std::vector<PeerAnswer> peers; ///< empty: not asked
    std::vector<JobState> jobs;
    std::vector<store::KnownRun> other_runs; ///< of tools that the crontab does not name
    std::map<std::string, std::size_t> set_aside;
    std::vector<OtherQueue> queues;
    Days days;
    std::vector<HistoryPoint> history;
    std::vector<Trouble> troubles; ///< the gravest first
};

/// Looks at everything; asks the probes side by side, each in a thread of its own. What cannot be looked at is
/// a trouble, not an Error. Remembers (days.h, history.h) unless `mode` is dry_run.
[[nodiscard]] Summary summarize(const Config& config, const Surroundings& surroundings,
                                TimePoint now, Mode mode);

/// What is wrong with it, and what to do.
[[nodiscard]] std::vector<Trouble> troubles_of(const Summary& summary, const Paths& paths);

/// That something could not be looked at: whoever does not see must not say that all is well.
[[nodiscard]] Trouble unseen(std::string_view what, const std::exception& problem);

/// 0 well, 1 something waits for a person, 2 the road is blocked.
[[nodiscard]] int exit_code_of(const Summary& summary);

/// One screen of at most 80 columns.
[[nodiscard]] std::vector<std::string> as_lines(const Summary& summary);
[[nodiscard]] json::Value as_json(const Summary& summary);

/// `fiona-assign coupling expire`, with the project in brackets.
[[nodiscard]] std::string title_of(const store::RunName& name);
/// `2 x disk full`, the most frequent first; where there are more than `most` a last line says how many.
[[nodiscard]] std::vector<std::string>
frequent_reasons(const std::map<std::string, std::size_t>& failures, std::size_t most);
/// Whether a person should look at it: it is late, was killed, or ended with another code than 0, 75 (the
/// next run tries again) and, of fiona-status(1), 1 and 2 (what it found).
[[nodiscard]] bool is_bad(const JobState& state);
/// `12 s`, `5 min`, `3 h`, `4 d`.
[[nodiscard]] std::string age_text(Clock::duration age);
/// `1.2 TB`, in powers of 1000.
[[nodiscard]] std::string bytes_text(std::uint64_t bytes);

} // namespace fiona::status
