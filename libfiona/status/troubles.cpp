// SPDX-License-Identifier: MIT
#include "libfiona/status/summary.h"
#include "libfiona/status/unseen.h"

#include <fmt/ranges.h>

#include <sysexits.h>

#include <algorithm>

/// The rules by which fiona-status(1) calls for a person. Each has its remedy beside it.
namespace fiona::status {

using namespace std::chrono_literals;

namespace {

constexpr auto longest_spool_wait = 10min; ///< the processor takes seconds
constexpr auto longest_request_wait = 24h; ///< a night of work for one machine
constexpr auto longest_report_wait = 1h;   ///< REDCap may be down for a backup
constexpr auto longest_temporary = 1h;     ///< of a job that says "the next run will try again"
constexpr auto full_soon = 7 * 24h;

class Rules {
public:
    Rules(const Summary& summary, const Paths& paths) : m_summary{summary}, m_paths{paths} {}

    std::vector<Trouble> apply()
    {
        daemons();
        peers();
        disks();
        arrivals();
        requests();
        jobs();
        others();
        return std::move(m_troubles);
    }

private:
    void warn(std::string what, std::string next)
    {
        m_troubles.push_back({Trouble::Severity::warning, std::move(what), std::move(next)});
    }
    void cry(std::string what, std::string next)
    {
        m_troubles.push_back({Trouble::Severity::critical, std::move(what), std::move(next)});
    }

    [[nodiscard]] Clock::duration age(const std::optional<TimePoint>& since) const
    {
        return since ? m_summary.when - *since : Clock::duration{};
    }
    [[nodiscard]] const Amounts& at(RequestState state) const
    {
        static const Amounts none;
        const auto found = m_summary.requests.find(state);
        return found == m_summary.requests.end() ? none : found->second;
    }

    void daemons()
    {
        for (const auto& daemon : m_summary.daemons) {
            if (daemon.is_expected && daemon.pid == 0) {
                cry(daemon.name + " does not run",
                    daemon.name + " start; its log says why it ended");
            }
        }
        if (!m_summary.is_reception_enabled) {
            warn("reception is switched off",
                 "write 1 into " + (m_paths.config() / "enabled").native());
        }
    }

    void peers()
    {
        for (const auto& peer : m_summary.peers) {
            if (!peer.answers) {
                cry(peer.reason.starts_with(peer.name)
                        ? peer.reason
                        : fmt::format("{}: {}", peer.name, peer.reason),
                    "nothing is lost meanwhile; fiona-config check says what is wrong");
            }
        }
    }

    void disks()
    {
        for (const auto& disk : m_summary.disks) {
            if (disk.state == store::DiskState::hard) {
                cry(fmt::format("the disk of {} is full", disk.name),
                    "fiona-clear-old --dry-run shows what may go; until then nothing is received");
            } else if (disk.state == store::DiskState::low) {
                warn(fmt::format("the disk of {} is nearly full", disk.name),
                     "fiona-clear-old --dry-run shows what may go");
            }
        }
        if (m_summary.full_when && *m_summary.full_when - m_summary.when < full_soon) {
            warn(fmt::format("the disk of the archive will be full in {}",
                             age_text(*m_summary.full_when - m_summary.when)),
                 "fiona-clear-old(1), or more disk");
        }
    }

    void arrivals()
    {
        if (age(m_summary.spool.oldest) > longest_spool_wait) {
            cry(fmt::format("received objects wait since {}",
                            age_text(age(m_summary.spool.oldest))),
                "fiona-process-file status; its log says what it is at");
        }
    }

    void requests()
    {
        using enum RequestState;
        if (const auto failed = at(RequestState::failed).count; failed > 0) {
            warn(fmt::format("{} given up", failed == 1 ? "a request was"
                                                        : fmt::format("{} requests were", failed)),
                 "fiona-status queue list --state failed; then queue retry or drop");
        }
        const auto waiting_age = std::max(age(at(waiting).oldest), age(at(postponed).oldest));
        if (waiting_age > longest_request_wait) {
            warn(fmt::format("a request waits since {}", age_text(waiting_age)),
                 "fiona-status queue list; log of fiona-anonymize-send");
        }
        if (age(at(left).oldest) > longest_report_wait) {
            warn("a request lies where its worker died, and nobody takes it back",
                 "run fiona-anonymize-send on the machine that its directory names");
        }
        if (age(at(unreported).oldest) > longest_report_wait) {
            warn("a sent study is not yet reported to REDCap",
                 "log of fiona-anonymize-send; fiona-config check");
        }
    }

    void jobs()
    {
        std::vector<std::string> late;
        for (const auto& state : m_summary.jobs) {
            if (state.job.name.tool == "fiona-status") {
                continue; // its exit code is what you are reading
            }
            if (state.is_overdue) {
                late.push_back(title_of(state.job.name) + (state.run ? "" : " (never yet)"));
            }
            job(state);
        }
        if (!late.empty()) {
            warn(fmt::format("{} should have run and did not: {}",
                             late.size() == 1 ? "a job" : fmt::format("{} jobs", late.size()),
                             fmt::join(late, ", ")),
                 "does cron run? is a lock held by something else (fuser on its .pid)?");
        }
    }

    void job(const JobState& state)
    {
        using State = store::KnownRun::State;
        const auto title = title_of(state.job.name);
        const auto look_at = fmt::format("{}/{}.log", m_paths.logs().native(), state.job.name.tool);
        if (!state.run) {
            return;
        }
        if (state.run->state == State::killed) {
            warn(title + " was killed in the midst of it",
                 "look for signs of too little memory; " + look_at);
        }
        const auto& last = state.run->last;
        if (state.run->state == State::killed || !last || last->exit_code == 0) {
            return;
        }
        const bool passes = last->exit_code == EX_TEMPFAIL || last->exit_code == EX_UNAVAILABLE;
        if (!passes || age(last->last_success) > longest_temporary || !last->last_success) {
            warn(fmt::format("{} ended with exit code {}", title, last->exit_code),
                 look_at + "; fiona(7) for the code");
        }
    }

    void others()
    {
        const auto aside = [&](const std::string& kind, std::string_view what, std::string next) {
            const auto found = m_summary.set_aside.find(kind);
            if (found != m_summary.set_aside.end() && found->second > 0) {
                warn(fmt::format("{} {}", found->second, what), std::move(next));
            }
        };
        aside("spool", "received objects could not be sorted",
              "reasons beside them in .spool/failed; fiona-process-file reconcile");
        aside("arrivals", "arrivals could not be handled", "fiona-detect-arrival --retry-failed");
        aside("objects", "objects were refused",
              "reasons beside them in " + m_paths.rejected().native());
        for (const auto& queue : m_summary.queues) {
            if (queue.failed > 0) {
                warn(fmt::format("{}: {} given up", queue.name, queue.failed), queue.next);
            }
            if (age(queue.oldest) > queue.longest_wait) {
                warn(fmt::format("{}: one waits since {}", queue.name, age_text(age(queue.oldest))),
                     queue.next_if_late);
            }
        }
    }

    const Summary& m_summary;
    const Paths& m_paths;
    std::vector<Trouble> m_troubles;
};

} // namespace

Trouble unseen(std::string_view what, const std::exception& problem)
{
    return {Trouble::Severity::critical,
            fmt::format("{} cannot be looked at: {}", what, reason_of(problem)),
            "see to the disk, the rights, the configuration"};
}

std::vector<Trouble> troubles_of(const Summary& summary, const Paths& paths)
{
    return Rules{summary, paths}.apply();
}

} // namespace fiona::status
