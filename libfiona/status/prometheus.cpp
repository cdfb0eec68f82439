// SPDX-License-Identifier: MIT
#include "libfiona/status/prometheus.h"

#include "libfiona/base/text.h"

#include <initializer_list>
#include <string_view>
#include <utility>

namespace fiona::status {

namespace {

/// A value of a label: backslash, quote and line feed are escaped. It must be UTF-8, or the collector
/// leaves out the whole file.
std::string escaped(std::string_view text)
{
    const bool is_readable = is_utf8(text);
    std::string result;
    for (const char c : text) {
        if (c == '\\' || c == '"') {
            result += '\\';
        }
        const bool is_odd = !is_readable && static_cast<unsigned char>(c) >= 0x80U;
        result += c == '\n' ? std::string{"\\n"} : std::string(1, is_odd ? '?' : c);
    }
    return result;
}

/// Metrics one after the other; each begins with its HELP and TYPE.
class Exposition {
public:
    enum class Type { gauge, counter };

    void begin(std::string name, std::string_view help, Type type = Type::gauge)
    {
        m_name = std::move(name);
        m_text += fmt::format("# HELP {} {}\n# TYPE {} {}\n", m_name, help, m_name,
                              type == Type::gauge ? "gauge" : "counter");
    }

    template <typename Number>
    void add(Number value,
             std::initializer_list<std::pair<std::string_view, std::string_view>> labels = {})
    {
        std::string list;
        for (const auto& [label, text] : labels) {
            list += fmt::format("{}{}=\"{}\"", list.empty() ? "" : ",", label, escaped(text));
        }
        m_text += fmt::format("{}{} {}\n", m_name, list.empty() ? "" : "{" + list + "}", value);
    }

    template <typename Number>
    void single(std::string name, std::string_view help, Number value, Type type = Type::gauge)
    {
        begin(std::move(name), help, type);
        add(value);
    }

    [[nodiscard]] std::string take() { return std::move(m_text); }

private:
    std::string m_name;
    std::string m_text;
};

using Type = Exposition::Type;

std::int64_t seconds_since(const Summary& summary, const std::optional<TimePoint>& when)
{
    return when ? std::max<std::int64_t>(
               0, std::chrono::floor<std::chrono::seconds>(summary.when - *when).count())
                : 0;
}

void add_arrivals(const Summary& summary, Exposition& to)
{
    if (summary.knows(Part::arrivals)) {
        to.begin("fiona_studies_arrived", "Studies that arrived in the period.");
        to.add(summary.arrived_today, {{"period", "today"}});
        to.add(summary.arrived_week, {{"period", "7d"}});
    }
    to.single("fiona_received_objects_total", "Objects that the receiver acknowledged.",
              summary.received_objects, Type::counter);
    to.single("fiona_received_bytes_total", "Bytes of the objects that the receiver acknowledged.",
              summary.received_bytes, Type::counter);
    to.single("fiona_reception_enabled", "1 unless reception is switched off.",
              summary.is_reception_enabled ? 1 : 0);
    if (summary.knows(Part::spool)) {
        to.single("fiona_spool_entries", "Received objects that wait to be sorted.",
                  summary.spool.count);
        to.single("fiona_spool_oldest_seconds", "Age of the oldest of them.",
                  seconds_since(summary, summary.spool.oldest));
    }
}

void add_requests(const Summary& summary, Exposition& to)
{
    to.begin("fiona_requests", "Transfer requests by state.");
    for (const auto& [state, amounts] : summary.requests) {
        to.add(amounts.count, {{"state", name_of(state)}});
    }
    to.begin("fiona_requests_oldest_seconds", "Age of the oldest transfer request of a state.");
    for (const auto& [state, amounts] : summary.requests) {
        to.add(seconds_since(summary, amounts.oldest), {{"state", name_of(state)}});
    }
}

void add_transfers(const Summary& summary, Exposition& to)
{
    const auto& total = summary.days.total;
    to.begin("fiona_transfers_total", "Transfers that came to an end.", Type::counter);
    to.add(total.sent, {{"result", "sent"}});
    to.add(total.failed, {{"result", "failed"}});
    to.single("fiona_transferred_images_total", "Images that the research PACS has taken.",
              total.images, Type::counter);
    to.single("fiona_transferred_bytes_total", "Bytes of those images.", total.bytes,
              Type::counter);
    to.single("fiona_masked_images_total", "Images in which burned-in text was hidden.",
              total.masked, Type::counter);
    to.single("fiona_held_images_total", "Images held back because they may show text.", total.held,
              Type::counter);
}

void add_disks(const Summary& summary, Exposition& to)
{
    to.begin("fiona_disk_free_bytes", "Free space for users other than root.");
    for (const auto& disk : summary.disks) {
        to.add(disk.space.free_bytes, {{"area", disk.name}});
    }
    to.begin("fiona_disk_size_bytes", "Size of the file system.");
    for (const auto& disk : summary.disks) {
        to.add(disk.space.total_bytes, {{"area", disk.name}});
    }
    to.begin("fiona_disk_free_inodes_ratio", "Share of the inodes that is free.");
    for (const auto& disk : summary.disks) {
        to.add(disk.space.free_inode_share, {{"area", disk.name}});
    }
}

void add_daemons(const Summary& summary, Exposition& to)
{
    to.begin("fiona_daemon_up", "1 if the daemon runs.");
    for (const auto& daemon : summary.daemons) {
        if (daemon.is_expected || daemon.pid != 0) {
            to.add(daemon.pid != 0 ? 1 : 0, {{"daemon", daemon.name}});
        }
    }
}

void add_peers(const Summary& summary, Exposition& to)
{
    to.begin("fiona_peer_up", "1 if the peer answered.");
    for (const auto& peer : summary.peers) {
        to.add(peer.answers ? 1 : 0, {{"peer", peer.name}});
    }
    to.begin("fiona_peer_answer_seconds", "How long the peer took to answer, or to fail.");
    for (const auto& peer : summary.peers) {
        to.add(peer.took.count(), {{"peer", peer.name}});
    }
}

void add_set_aside(const Summary& summary, Exposition& to)
{
    to.begin("fiona_set_aside", "What was set aside for a person; images: held, in 7 days.");
    for (const auto& [kind, count] : summary.set_aside) {
        to.add(count, {{"kind", kind}});
    }
}

void add_queues(const Summary& summary, Exposition& to)
{
    to.begin("fiona_queue_waiting", "What waits beside the road of the studies.");
    for (const auto& queue : summary.queues) {
        to.add(queue.waiting, {{"queue", queue.name}});
    }
    to.begin("fiona_queue_failed", "What was given up there.");
    for (const auto& queue : summary.queues) {
        to.add(queue.failed, {{"queue", queue.name}});
    }
}

/// The jobs of the crontab and what else has run, each once.
void add_jobs(const Summary& summary, Exposition& to)
{
    std::map<std::string, const store::KnownRun*> runs;
    std::map<std::string, bool> overdue;
    for (const auto& state : summary.jobs) {
        const auto title = title_of(state.job.name);
        overdue[title] = overdue[title] || state.is_overdue;
        if (state.run) {
            runs[title] = &*state.run;
        }
    }
    for (const auto& run : summary.other_runs) {
        runs.emplace(title_of(run.run.name), &run);
    }
    to.begin("fiona_job_overdue", "1 if the job should have run and did not.");
    for (const auto& [title, is_overdue] : overdue) {
        to.add(is_overdue ? 1 : 0, {{"job", title}});
    }
    to.begin("fiona_job_running", "1 if the job runs now.");
    for (const auto& [title, run] : runs) {
        to.add(run->state == store::KnownRun::State::running ? 1 : 0, {{"job", title}});
    }
    to.begin("fiona_job_killed", "1 if the last run began and did not come to an end.");
    for (const auto& [title, run] : runs) {
        to.add(run->state == store::KnownRun::State::killed ? 1 : 0, {{"job", title}});
    }
    const auto of_ended = [&](std::string name, std::string_view help, const auto& value) {
        to.begin(std::move(name), help);
        for (const auto& [title, run] : runs) {
            if (run->last) {
                to.add(value(*run->last), {{"job", title}});
            }
        }
    };
    of_ended("fiona_job_last_exit_code", "Exit code of the last run that ended, see fiona(7).",
             [](const store::EndedRun& run) { return run.exit_code; });
    of_ended("fiona_job_last_end_timestamp_seconds", "When it ended.",
             [](const store::EndedRun& run) { return epoch_seconds(run.ended); });
    of_ended("fiona_job_last_duration_seconds", "How long it took.",
             [](const store::EndedRun& run) {
                 return std::max<std::int64_t>(0, epoch_seconds(run.ended)
                                                      - epoch_seconds(run.run.started));
             });
    of_ended("fiona_job_last_success_timestamp_seconds", "When a run last ended with 0, or 0.",
             [](const store::EndedRun& run) {
                 return run.last_success ? epoch_seconds(*run.last_success) : 0;
             });
}

} // namespace

std::string as_prometheus(const Summary& summary)
{
    Exposition exposition;
    exposition.begin("fiona_build_info", "Version of fiona; always 1.");
    exposition.add(1, {{"version", FIONA_VERSION}});
    exposition.single("fiona_summary_timestamp_seconds", "When all of this was looked at.",
                      epoch_seconds(summary.when));
    exposition.single("fiona_summary_state", "0 well, 1 something waits for a person, 2 blocked.",
                      exit_code_of(summary));
    exposition.single("fiona_troubles", "Things that need a person.", summary.troubles.size());
    add_arrivals(summary, exposition);
    const auto add_known = [&](Part part, const auto& add) {
        if (summary.knows(part)) {
            add(summary, exposition);
        }
    };
    add_known(Part::requests, add_requests);
    add_known(Part::arrivals, add_transfers);
    add_known(Part::disks, add_disks);
    add_known(Part::daemons, add_daemons);
    if (!summary.peers.empty()) {
        add_peers(summary, exposition);
    }
    add_known(Part::set_aside, add_set_aside);
    add_queues(summary, exposition);
    add_known(Part::jobs, add_jobs);
    return exposition.take();
}

} // namespace fiona::status
