// SPDX-License-Identifier: MIT
#include "libfiona/workflow/run_jobs.h"

#include "libfiona/base/dates.h"
#include "libfiona/base/digest.h"
#include "libfiona/base/file_lock.h"
#include "libfiona/base/log.h"
#include "libfiona/jobs/job_list.h"
#include "libfiona/jobs/job_record.h"
#include "libfiona/jobs/slurm.h"
#include "libfiona/store/clock_guard.h"
#include "libfiona/workflow/start.h"

#include <poll.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <utility>

namespace fiona::workflow {

namespace {

using jobs::JobState;
using State = JobResult::State;

constexpr std::chrono::hours memory{24 * 90}; // of jobs that are long done

JobResult result_of(const jobs::Job& job, State state, std::string reason)
{
    return {.state = state,
            .id = job.id,
            .project = job.project,
            .image = job.image,
            .folder = "",
            .reason = std::move(reason)};
}

JobResult rejected(const jobs::JobList::Line& line)
{
    return {.state = State::rejected,
            .id = "",
            .project = "",
            .image = "",
            .folder = "",
            .reason = line.problem};
}

State as_state(JobState state)
{
    switch (state) {
    case JobState::waiting: return State::waiting;
    case JobState::running: return State::running;
    case JobState::done: return State::done;
    default: return State::failed;
    }
}

std::string as_text(const jobs::SeriesSet& set)
{
    std::string text;
    for (const auto& member : set) {
        text += fmt::format("{}\t{}\t{}\n", member.study.str(), member.series.str(), member.name);
    }
    return text;
}

std::string reason_of(const jobs::JobExit& ended)
{
    if (ended.stopped == "time") {
        return "its time was over";
    }
    if (!ended.stopped.empty()) {
        return "its output was too large";
    }
    return fmt::format("exit code {}, see log/stderr.log in its output", ended.code);
}

class Runner {
public:
    Runner(const Means& means, const Wanted& wanted)
        : m_means{means}, m_wanted{wanted}, m_list{means.config.paths.job_list()},
          m_records{means.config.paths.state()}, m_start{means.config, m_means.settings, m_records,
                                                         means.peers.archive, means.program},
          m_delivery{means.peers, m_records, means.config.paths.keys()}
    {
    }

    RunReport go()
    {
        if (m_wanted.mode == Mode::dry_run) {
            look();
            return std::move(m_report);
        }
        if (std::filesystem::exists(m_list.file())) {
            m_records.prepare();
            m_list.gather(Clock::now());
            while (pass()) {
                wait();
            }
        }
        if (!m_wanted.job) {
            tidy();
        }
        return std::move(m_report);
    }

private:
    void tidy()
    {
        const auto now = Clock::now();
        try {
            store::check_clock(m_means.config.paths, "run-one-job", Mode::apply,
                               store::read_clocks(now));
        } catch (const Error& e) { // the jobs go on
            log::error("old_folders_kept", {{"reason", e.what()}});
            note_problem(e);
            return;
        }
        m_report.upkeep = remove_old_folders(m_means.settings, m_records, now);
        m_records.forget(now - memory);
        m_list.forget(now - memory);
    }

    /// One look over the list; true while something runs here.
    bool pass()
    {
        m_running = 0;
        m_has_begun = false;
        m_settled.clear();
        m_queue.reset(); // what is handed over in this pass is looked for in the next
        std::set<std::string> seen;
        const auto lines = m_list.lines(Clock::now());
        // What runs counts before anything is begun.
        for (const bool begins : {false, true}) {
            for (const auto& line : lines) {
                if (!line.job) {
                    if (!begins && !m_wanted.job) {
                        reject(line);
                    }
                } else if (is_wanted(*line.job)) {
                    if (!begins && !seen.insert(line.job->id).second) {
                        continue; // the same job twice: settled together
                    }
                    step(line, begins);
                }
            }
        }
        submit();
        if (!m_settled.empty()) {
            m_list.settle(m_settled, Clock::now());
        }
        return m_running > 0 || m_has_begun;
    }

    [[nodiscard]] bool is_wanted(const jobs::Job& job) const
    {
        return !m_wanted.job || *m_wanted.job == job.id;
    }

    void step(const jobs::JobList::Line& line, bool begins)
    {
        const auto& job = *line.job;
        if (m_postponed.contains(job.id)) {
            return;
        }
        try {
            auto record = m_records.load(job.id);
            try {
                if (record.state == JobState::running && !begins) {
                    follow(job, record);
                } else if (record.state == JobState::waiting && begins) {
                    begin(job, record);
                }
            } catch (const Error& e) {
                if (e.fault() != Fault::data && e.fault() != Fault::missing) {
                    throw;
                }
                fail(job, record, e.what());
            }
            note(result_of(job, as_state(record.state), record.reason), record);
            if (record.state == JobState::done || record.state == JobState::failed) {
                settle(line, record);
            }
        } catch (const Error& e) {
            m_postponed.insert(job.id);
            note(result_of(job, State::waiting, e.what()), {});
            note_problem(e.in(fmt::format("job {}", job.id)));
        }
    }

    void follow(const jobs::Job& job, jobs::JobRecord& record)
    {
        if (const auto ended = m_records.exit_of(record)) {
            finish(job, record, *ended);
            return;
        }
        if (FileLock::holder(m_records.run_lock(job.id))) {
            m_running += record.batch.empty() ? 1U : 0U;
            return;
        }
        std::string word;
        if (!record.batch.empty()) {
            if (is_with_slurm(record, word)) {
                return;
            }
        }
        if (const auto ended = m_records.exit_of(record)) { // it has just ended
            finish(job, record, *ended);
            return;
        }
        if (word == "CANCELLED") {
            fail(job, record, "cancelled in Slurm");
            return;
        }
        // What Slurm has ended without a begin would end again: no such tool there, or no such disk.
        const bool was_tried = m_records.was_begun(record) || !word.empty();
        if (was_tried && ++record.deaths >= m_means.settings.attempts) {
            fail(job, record,
                 fmt::format("its program, or the machine, died {} times{}{}", record.deaths,
                             word.empty() ? "" : ": ", word));
            return;
        }
        log::warn("job_died", {{"job", job.id}, {"attempt", record.attempt}, {"slurm", word}});
        record.state = JobState::waiting;
        m_records.store(record);
    }

    bool is_with_slurm(jobs::JobRecord& record, std::string& word)
    {
        if (!m_queue) {
            m_queue = jobs::SlurmQueue::look();
        }
        if (record.slurm_job.empty()) { // killed between handing over and noting the number
            record.slurm_job = m_queue->job_of(record.batch).value_or("");
        }
        word = m_queue->word(record.slurm_job, record.slurm_task);
        return m_queue->state(record.slurm_job, record.slurm_task) == jobs::SlurmState::waiting;
    }

    void begin(const jobs::Job& job, jobs::JobRecord& record)
    {
        if (!m_means.settings.uses_slurm && m_running >= m_means.settings.max_parallel) {
            record.reason = "waits for others to end";
            return;
        }
        const auto plan = m_start.plan(job);
        if (plan.sets.size() != 1) {
            split(job, record, plan);
            return;
        }
        if (++m_begins[job.id] > m_means.settings.attempts) {
            throw Error{Fault::temporary, "its supervisor does not come up, see the log of tasks"};
        }
        record.reason.clear();
        m_start.prepare(job, plan, record, Clock::now());
        if (!m_means.settings.uses_slurm) {
            m_start.begin_here(record);
            ++m_running;
        }
    }

    /// A line whose statement chooses several sets stands for one job each. Its id comes from the set:
    /// who was killed in here repeats it, and numbers may have shifted since.
    void split(const jobs::Job& job, jobs::JobRecord& record, const Plan& plan)
    {
        constexpr std::size_t id_digits = 32;
        for (std::size_t i = 0; i < plan.sets.size(); ++i) {
            auto part = job;
            part.number = std::to_string(i);
            part.select.clear();
            part.series.clear();
            part.study.reset();
            part.members = plan.sets[i];
            part.id = sha256_hex(fmt::format("{}\n{}", job.id, as_text(part.members)))
                          .substr(0, id_digits);
            part.date = Clock::now();
            m_list.append(part);
        }
        m_has_begun = !plan.sets.empty();
        record.state = JobState::done;
        record.reason = plan.sets.empty() ? "its statement chooses nothing"
                                          : fmt::format("made {} jobs", plan.sets.size());
        m_records.store(record);
    }

    void finish(const jobs::Job& job, jobs::JobRecord& record, const jobs::JobExit& ended)
    {
        if (ended.stopped == "engine") {
            record.state = JobState::waiting;
            m_records.store(record);
            throw Error{Fault::unreachable, "cannot start {}", record.engine};
        }
        if (ended.code != 0 || !ended.stopped.empty()) {
            fail(job, record, reason_of(ended));
            return;
        }
        const auto& image = jobs::image_settings(m_means.settings, record.image);
        const auto input = jobs::read_input(record.folder);
        const auto output =
            jobs::check_output(jobs::output_of(record.folder), input, image.output_bytes);
        record.reason =
            output.other_files == 0
                ? ""
                : fmt::format("{} files that are no DICOM stay in the folder", output.other_files);
        const auto later =
            m_delivery.deliver(record, ProjectName{job.project}, input, output,
                               jobs::destination_of(m_means.settings, job.destination));
        if (later) {
            m_postponed.insert(job.id);
            record.reason = later->what();
            note_problem(later->in(fmt::format("job {}", job.id)));
            return;
        }
        record.state = JobState::done;
        m_records.store(record);
        log::info("job_done", {{"job", job.id},
                               {"project", job.project},
                               {"images", record.images},
                               {"values", record.values}});
    }

    void fail(const jobs::Job& job, jobs::JobRecord& record, const std::string& reason)
    {
        record.state = JobState::failed;
        record.reason = reason;
        m_records.store(record);
        log::error("job_failed", {{"job", job.id}, {"project", job.project}, {"reason", reason}});
        note_problem(Error{Fault::data, "job {}: {}", job.id, reason});
    }

    void reject(const jobs::JobList::Line& line)
    {
        log::error("job_line_rejected", {{"reason", line.problem}});
        note_problem(Error{Fault::data, "a line of the job list: {}", line.problem});
        m_settled.push_back(
            {.text = line.text,
             .shelf = jobs::JobList::Shelf::rejected,
             .note = {{"reason", line.problem}, {"rejected", iso8601_utc(Clock::now())}}});
        m_report.jobs.push_back(rejected(line));
    }

    void settle(const jobs::JobList::Line& line, const jobs::JobRecord& record)
    {
        m_settled.push_back({.text = line.text,
                             .shelf = jobs::JobList::Shelf::done,
                             .note = {{"state", jobs::state_name(record.state)},
                                      {"job_id", record.id},
                                      {"reason", record.reason},
                                      {"attempts", record.attempt},
                                      {"images", record.images},
                                      {"values", record.values},
                                      {"ended", iso8601_utc(Clock::now())}}});
    }

    void submit()
    {
        try {
            m_start.submit_prepared();
        } catch (const Error& e) {
            note_problem(e);
        }
    }

    void note(JobResult result, const jobs::JobRecord& record)
    {
        result.folder = record.folder.native();
        result.images = record.images;
        result.values = record.values;
        const auto known = std::ranges::find(m_report.jobs, result.id, &JobResult::id);
        if (known == m_report.jobs.end()) {
            m_report.jobs.push_back(std::move(result));
        } else {
            *known = std::move(result);
        }
    }

    void note_problem(const Error& problem)
    {
        if (!m_report.problem || m_report.problem->fault() == Fault::data) {
            m_report.problem.emplace(problem);
        }
    }

    /// A dry run: what each line comes to.
    void look()
    {
        for (const auto& line : m_list.lines(Clock::now())) {
            if (!line.job) {
                m_report.jobs.push_back(rejected(line));
            } else if (is_wanted(*line.job)) {
                look_at(*line.job);
            }
        }
    }

    void look_at(const jobs::Job& job)
    {
        const auto record = m_records.load(job.id);
        auto result = result_of(job, as_state(record.state), record.reason);
        if (record.state == JobState::waiting) {
            try {
                const auto plan = m_start.plan(job);
                result.reason = fmt::format("{} data sets for {}", plan.sets.size(),
                                            jobs::engine_name(plan.image.engine));
            } catch (const Error& e) {
                result.state = State::failed;
                result.reason = e.what();
            }
        }
        note(std::move(result), record);
    }

    void wait()
    {
        constexpr int first_ms = 20;
        constexpr int longest_ms = 1000;
        m_pause_ms = m_has_begun ? first_ms : std::min(m_pause_ms * 2, longest_ms);
        ::poll(nullptr, 0, m_pause_ms);
    }

    const Means& m_means;
    const Wanted& m_wanted;
    jobs::JobList m_list;
    jobs::JobRecords m_records;
    Start m_start;
    Delivery m_delivery;
    RunReport m_report;
    std::vector<jobs::JobList::Settled> m_settled;
    std::optional<jobs::SlurmQueue> m_queue;
    std::set<std::string> m_postponed;        ///< nothing more in this run
    std::map<std::string, unsigned> m_begins; ///< of a job, in this run
    unsigned m_running = 0;                   ///< on this machine
    bool m_has_begun = false;
    int m_pause_ms = 20;
};

} // namespace

std::string_view state_name(JobResult::State state)
{
    constexpr std::array<std::string_view, 5> names{"waiting", "running", "done", "failed",
                                                    "rejected"};
    return names.at(static_cast<std::size_t>(state));
}

RunReport run_jobs(const Means& means, const Wanted& wanted)
{
    return Runner{means, wanted}.go();
}

} // namespace fiona::workflow
