// SPDX-License-Identifier: MIT
#include "libfiona/status/summary.h"

#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/base/text.h"
#include "libfiona/base/workers.h"
#include "libfiona/status/unseen.h"
#include "libfiona/store/arrival_marks.h"
#include "libfiona/store/daemon.h"
#include "libfiona/store/incoming_list.h"
#include "libfiona/store/request_files.h"
#include "libfiona/store/spool.h"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

namespace fiona::status {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

namespace {

/// The beginning of a reason, without half a letter.
std::string shortened(std::string reason)
{
    constexpr std::size_t most_bytes = 200;
    if (reason.size() > most_bytes) {
        reason.resize(most_bytes);
        while (!reason.empty() && !is_utf8(reason)) {
            reason.pop_back();
        }
    }
    return reason;
}

class Collection {
public:
    Collection(const Config& config, const Surroundings& surroundings, TimePoint now, Mode mode)
        : m_config{config}, m_paths{config.paths},
          m_surroundings{surroundings}, m_mode{mode}, m_unseen{surroundings.troubles}
    {
        m_summary.when = now;
        m_summary.host = store::short_host_name();
        m_summary.is_reception_enabled = surroundings.is_reception_enabled;
        m_summary.received_objects = surroundings.received_objects;
        m_summary.received_bytes = surroundings.received_bytes;
        m_summary.queues = surroundings.queues;
    }

    Summary collect()
    {
        look(Part::arrivals, "the arrivals", [&] { arrivals(); });
        look(Part::spool, "the spool", [&] { spool(); });
        look(Part::requests, "the transfer requests", [&] { requests(); });
        look(Part::disks, "the disks", [&] { disks(); });
        look(Part::daemons, "the daemons", [&] { daemons(); });
        look(Part::set_aside, "what is set aside", [&] { set_aside(); });
        ask();
        look(Part::history, "the history", [&] { history(); });
        look(Part::jobs, "the jobs", [&] { jobs(); });
        auto found = troubles_of(m_summary, m_paths);
        std::ranges::move(m_unseen, std::back_inserter(found));
        std::ranges::stable_sort(found, std::greater{}, &Trouble::severity);
        m_summary.troubles = std::move(found);
        return std::move(m_summary);
    }

private:
    template <typename Step>
    void look(Part part, std::string_view what, const Step& step)
    {
        try {
            step();
        } catch (const std::exception& e) {
            m_summary.unseen.insert(part);
            m_unseen.push_back(unseen(what, e));
        }
    }

    void arrivals()
    {
        const auto lines = store::IncomingList{m_paths.incoming_list()}.lines();
        for (const auto& line : lines) {
            const TimePoint when{std::chrono::seconds{line.arrived}};
            m_summary.last_arrival = std::max(m_summary.last_arrival.value_or(when), when);
        }
        std::set<StudyUid> arriving;
        for (const auto& name : visible_names(m_paths.arrived())) {
            if (const auto mark = store::ArrivalMark::parse(name)) {
                arriving.insert(mark->study);
            }
        }
        m_summary.arriving = arriving.size();
        m_summary.days = update_days(m_paths, lines, m_summary.when, m_mode);
        const auto week = last_days(m_summary.when, 7);
        for (const auto& day : week) {
            const auto found = m_summary.days.days.find(day);
            const auto count = found == m_summary.days.days.end() ? 0 : found->second.arrived;
            m_summary.arrived_week += count;
            m_summary.arrived_today += day == week.back() ? count : 0;
        }
    }

    void spool()
    {
        if (!fs::exists(m_paths.spool() / "new")) {
            return; // nothing was ever received, and looking makes no directory
        }
        const store::Spool spool{m_paths.spool()};
        m_summary.spool = {spool.count_waiting(), spool.oldest()};
        m_summary.set_aside["spool"] = spool.count_failed();
    }

    void requests()
    {
        for (const auto state : all_request_states()) {
            m_summary.requests[state];
        }
        for (const auto& request : queued_requests(m_paths)) {
            auto& amounts = m_summary.requests[request.state];
            ++amounts.count;
            amounts.oldest = std::min(amounts.oldest.value_or(request.since), request.since);
            if (request.state == RequestState::failed && m_summary.when - request.since < 24h) {
                ++m_summary.failures[shortened(request.reason)];
            }
        }
    }

    void disks()
    {
        std::vector<dev_t> seen;
        for (const auto& [name, path] :
             {std::pair{"data", m_paths.archive()}, std::pair{"processing", m_paths.processing},
              std::pair{"export", m_paths.export_root}}) {
            struct stat status {};
            if (::stat(path.c_str(), &status) != 0) {
                if (errno == ENOENT && path != m_paths.archive()) {
                    continue; // not in use
                }
                throw os_error(errno, fmt::format("look at {}", path.native()));
            }
            if (std::ranges::find(seen, status.st_dev) != seen.end()) {
                continue;
            }
            seen.push_back(status.st_dev);
            const auto space = store::disk_space(path);
            m_summary.disks.push_back({name, space, store::disk_state(space, m_config.receiver)});
        }
    }

    void daemons()
    {
        for (auto daemon : m_surroundings.daemons) {
            daemon.pid = store::running_daemon(daemon.pid_file).value_or(0);
            m_summary.daemons.push_back(std::move(daemon));
        }
    }

    void set_aside()
    {
        std::size_t refused = 0;
        for (const auto& reason : visible_names(m_paths.rejected())) {
            if (fs::is_directory(m_paths.rejected() / reason)) {
                for (const auto& name : visible_names(m_paths.rejected() / reason)) {
                    refused += name.ends_with(".reason") ? 0U : 1U;
                }
            }
        }
        m_summary.set_aside["objects"] = refused;
        m_summary.set_aside["arrivals"] = visible_names(m_paths.arrived() / ".failed").size();
        for (const auto& day : last_days(m_summary.when, 7)) {
            const auto found = m_summary.days.days.find(day);
            m_summary.set_aside["images"] +=
                found == m_summary.days.days.end() ? 0 : found->second.held;
        }
    }

    void ask()
    {
        const auto& probes = m_surroundings.probes;
        m_summary.peers.resize(probes.size());
        for_each_index(probes.size(), static_cast<unsigned>(probes.size()),
                       [&](std::size_t index, std::size_t /*thread*/) {
                           m_summary.peers[index] = answer_of(probes[index]);
                       });
    }

    static PeerAnswer answer_of(const Probe& probe)
    {
        PeerAnswer answer{.name = probe.name, .answers = true, .reason = {}};
        const auto begin = std::chrono::steady_clock::now();
        try {
            probe.ask();
        } catch (const std::exception& e) {
            answer.answers = false;
            answer.reason = reason_of(e);
        }
        answer.took = std::chrono::steady_clock::now() - begin;
        return answer;
    }

    void history()
    {
        for (const auto part : {Part::spool, Part::requests, Part::disks}) {
            if (!m_summary.knows(part)) { // and nothing is remembered of it
                m_summary.history = read_history(m_paths);
                return;
            }
        }
        HistoryPoint point;
        point.when = m_summary.when;
        const auto seconds_since = [&](const std::optional<TimePoint>& oldest) {
            const auto age = oldest ? m_summary.when - *oldest : Clock::duration{};
            return static_cast<std::uint64_t>(
                std::max<std::int64_t>(0, std::chrono::floor<std::chrono::seconds>(age).count()));
        };
        point.spool = m_summary.spool.count;
        point.spool_seconds = seconds_since(m_summary.spool.oldest);
        using enum RequestState;
        for (const auto state : {waiting, postponed, in_work, left, unreported}) {
            const auto& amounts = m_summary.requests[state];
            point.requests += amounts.count;
            point.request_seconds = std::max(point.request_seconds, seconds_since(amounts.oldest));
        }
        point.received_objects = m_summary.received_objects;
        point.received_bytes = m_summary.received_bytes;
        const auto& space = m_summary.disks.front().space; // the archive's
        point.disk_used_bytes = space.used_bytes;
        point.disk_total_bytes = space.used_bytes + space.free_bytes; // of what we may have
        m_summary.history = extend_history(m_paths, point, m_mode);
        m_summary.full_when = full_when(m_summary.history);
    }

    void jobs()
    {
        auto runs = store::known_runs(m_paths.state(), m_summary.when);
        const auto& since = m_summary.days.since;
        m_summary.jobs = job_states(read_crontab(m_surroundings.crontab), runs,
                                    since < m_summary.when ? std::optional{since} : std::nullopt,
                                    m_summary.when);
        std::erase_if(m_summary.jobs, [&](const JobState& state) {
            return m_surroundings.is_crontab_assumed && !state.run;
        });
        std::erase_if(runs, [&](const store::KnownRun& run) {
            return std::ranges::any_of(m_summary.jobs, [&](const JobState& state) {
                return state.run && state.run->run.name == run.run.name;
            });
        });
        m_summary.other_runs = std::move(runs);
    }

    const Config& m_config;
    const Paths& m_paths;
    const Surroundings& m_surroundings;
    Mode m_mode;
    Summary m_summary;
    std::vector<Trouble> m_unseen;
};

} // namespace

Summary summarize(const Config& config, const Surroundings& surroundings, TimePoint now, Mode mode)
{
    return Collection{config, surroundings, now, mode}.collect();
}

std::string_view name_of(Part part)
{
    constexpr std::array<std::string_view, 8> names{"arrivals", "spool",     "requests", "disks",
                                                    "daemons",  "set_aside", "history",  "jobs"};
    return names.at(static_cast<std::size_t>(part));
}

int exit_code_of(const Summary& summary)
{
    const auto is_critical = [](const Trouble& trouble) {
        return trouble.severity == Trouble::Severity::critical;
    };
    if (std::ranges::any_of(summary.troubles, is_critical)) {
        return 2;
    }
    return summary.troubles.empty() ? 0 : 1;
}

} // namespace fiona::status
