// SPDX-License-Identifier: MIT
#include "libfiona/ingest/arrival_actions.h"

#include "libfiona/base/digest.h"
#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/base/log.h"
#include "libfiona/jobs/job_list.h"
#include "libfiona/store/study_tree.h"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <thread>

namespace fiona::ingest {

namespace {

using std::chrono::steady_clock;

/// A program whose starter was killed: its time limit died with that one.
void end_left_behind(const StreamProgress::Program& program)
{
    constexpr std::chrono::seconds patience{2};
    const auto is_there = [&] { return start_ticks(program.pid) == program.started; };
    if (!is_there()) {
        return;
    }
    log::warn("program_left_behind", {{"pid", program.pid}});
    ::kill(-program.pid, SIGKILL);
    const auto deadline = steady_clock::now() + patience;
    while (is_there() && steady_clock::now() < deadline) {
        std::this_thread::sleep_for(std::chrono::milliseconds{5});
    }
}

std::string reason_of(const Finished& finished)
{
    return finished.timed_out ? "the time was over"
                              : fmt::format("exit code {}", finished.exit_code);
}

} // namespace

ArrivalActions::ArrivalActions(const Config& config, const store::ArrivalMarks& marks,
                               const ProgressFiles& progress, Limits limits)
    : m_config{config}, m_marks{marks}, m_progress{progress}, m_limits{limits}
{
}

void ArrivalActions::add(std::string name, store::ArrivalMark mark, ArrivalProgress progress,
                         std::shared_ptr<const Streams> streams)
{
    for (auto& [stream, state] : *progress.streams) {
        if (state.program) {
            end_left_behind(*state.program);
            state.program.reset();
        }
    }
    m_queue.push_back({std::move(name),
                       std::move(mark),
                       std::move(progress),
                       std::move(streams),
                       "",
                       nullptr,
                       {}});
}

bool ArrivalActions::is_due(const ArrivalProgress& progress, const Streams& streams, TimePoint now)
{
    bool is_anything_open = false;
    for (const auto& [name, state] : *progress.streams) {
        if (state.is_done || state.retry.is_over()) {
            continue;
        }
        const bool is_disabled = streams.disabled.contains(name);
        if (!is_disabled && (state.retry.is_due(now) || streams.find(name) == nullptr)) {
            return true;
        }
        is_anything_open = true;
    }
    return !is_anything_open;
}

bool ArrivalActions::holds(const std::string& name) const
{
    const auto is_it = [&](const Work& work) { return work.name == name; };
    return std::ranges::any_of(m_queue, is_it) || std::ranges::any_of(m_running, is_it);
}

void ArrivalActions::advance(TimePoint now)
{
    for (auto work = m_running.begin(); work != m_running.end();) {
        if (work->program && work->program->advance()) {
            note_end(*work, now);
        }
        if (work->program || start_next(*work, now)) {
            ++work;
        } else {
            settle(*work);
            work = m_running.erase(work);
        }
    }
    fill(now);
}

void ArrivalActions::fill(TimePoint now)
{
    for (auto next = m_queue.begin();
         next != m_queue.end() && m_running.size() < m_limits.programs;) {
        const bool is_busy = std::ranges::any_of(
            m_running, [&](const Work& work) { return work.mark.study == next->mark.study; });
        if (is_busy) { // its lists may work in one directory
            ++next;
            continue;
        }
        auto work = std::move(*next);
        m_queue.erase(next);
        if (start_next(work, now)) {
            m_running.push_back(std::move(work));
        } else {
            settle(work);
        }
        next = m_queue.begin(); // what waited for this study may go now
    }
}

bool ArrivalActions::start_next(Work& work, TimePoint now)
{
    auto& all = *work.progress.streams;
    for (auto item = all.begin(); item != all.end();) {
        auto& [name, progress] = *item;
        const auto* const stream = work.streams->find(name);
        if (stream == nullptr && !work.streams->disabled.contains(name)) {
            log::info("stream_is_gone", {{"stream", name}, {"study", work.mark.study}});
            item = all.erase(item);
            continue;
        }
        if (stream != nullptr && start_next_of(work, *stream, progress, now)) {
            return true;
        }
        ++item;
    }
    return false;
}

/// True if a program runs now; false if nothing is left, or nothing is due.
bool ArrivalActions::start_next_of(Work& work, const Stream& stream, StreamProgress& progress,
                                   TimePoint now)
{
    if (progress.version != stream.version && !progress.is_done) {
        progress = {};
        progress.version = stream.version;
    }
    const auto& actions = stream.actions_for(work.mark);
    while (!progress.is_done && !progress.retry.is_over() && progress.retry.is_due(now)) {
        if (progress.next >= actions.size()) {
            progress.is_done = true;
            break;
        }
        const auto& action = actions[progress.next];
        const Step step{work, stream, progress, action, now};
        switch (action.kind) {
        case Action::Kind::skipped: ++progress.next; break;
        case Action::Kind::job: append_job(step); break;
        case Action::Kind::program:
            start_program(step);
            if (work.program) {
                m_progress.store(work.name, work.progress);
                return true;
            }
            break;
        }
    }
    return false;
}

void ArrivalActions::start_program(const Step& step)
{
    auto& work = step.work;
    Command command;
    command.deadline = step.action.time_limit;
    command.max_output = m_limits.log_bytes + 1; // one more, to see that there was more
    for (const auto& word : step.action.command) {
        command.arguments.push_back(expanded(word, m_config, step.stream, work.mark));
    }
    try {
        work.program = std::make_unique<RunningProgram>(command);
    } catch (const Error& e) {
        fail(step, e.what());
        return;
    }
    work.stream = step.stream.name;
    work.started = steady_clock::now();
    const auto pid = work.program->pid();
    step.progress.program = {pid, start_ticks(pid).value_or(0)};
}

void ArrivalActions::append_job(const Step& step)
{
    const auto& work = step.work;
    const auto& stream = step.stream;
    const auto text = [&](std::string_view key, std::string_view otherwise = {}) {
        const auto value = json::Value{step.action.job}.text(key);
        return expanded(value.empty() ? otherwise : value, m_config, step.stream, step.work.mark);
    };
    constexpr std::size_t id_digits = 32;
    const auto source =
        fmt::format("{}\n{}\n{}\n{}", stream.name, work.name,
                    work.progress.arrived.time_since_epoch().count(), step.progress.next);
    jobs::Job job{.id = sha256_hex(source).substr(0, id_digits),
                  .project = text("project", stream.name),
                  .stream = stream.name,
                  .image = text("image"),
                  .user = text("user", "processing"),
                  .date = step.now,
                  .number = text("job_number", "0"),
                  .ror_folder = text("ror_folder"),
                  .destination = stream.destination,
                  .options = text("ROR_CONT_OPTIONS"),
                  .select = text("select"),
                  .study = work.mark.study,
                  .series = {}};
    try {
        if (work.mark.series) {
            job.series.push_back(*work.mark.series);
        } else {
            for (const auto& series : store::StudyTree{m_config.paths}.series(work.mark.study)) {
                job.series.push_back(series.uid);
            }
        }
        jobs::JobList{m_config.paths.job_list()}.append(job);
    } catch (const Error& e) {
        fail(step, e.what());
        return;
    }
    log::info("job_listed", {{"stream", stream.name}, {"study", work.mark.study}});
    succeed(step.progress);
}

void ArrivalActions::note_end(Work& work, TimePoint now)
{
    const auto finished = std::exchange(work.program, nullptr)->take();
    auto& progress = work.progress.streams->at(work.stream);
    const auto& stream = *work.streams->find(work.stream);
    const Step step{work, stream, progress, stream.actions_for(work.mark)[progress.next], now};
    write_log(step, finished);
    progress.program.reset();
    if (finished.exit_code == 0 && !finished.timed_out) {
        succeed(progress);
    } else {
        fail(step, reason_of(finished));
    }
    m_progress.store(work.name, work.progress);
}

void ArrivalActions::succeed(StreamProgress& progress)
{
    ++m_counts.actions;
    ++progress.next;
    progress.retry = {};
}

void ArrivalActions::fail(const Step& step, std::string_view reason)
{
    ++m_counts.errors;
    const bool is_ignored = step.action.on_error == Action::OnError::go_on;
    log::warn("action_failed", {{"stream", step.stream.name},
                                {"study", step.work.mark.study},
                                {"action", step.progress.next},
                                {"ignored", is_ignored},
                                {"reason", reason}});
    if (is_ignored) {
        ++step.progress.next;
        step.progress.retry = {};
    } else {
        step.progress.retry.note_failure(step.now, log::without_uids(reason));
    }
}

void ArrivalActions::write_log(const Step& step, const Finished& finished) const
{
    const auto& mark = step.work.mark;
    const std::chrono::duration<double> took = steady_clock::now() - step.work.started;
    json::Array
        command; // as in the configuration: what is put in for the place-holders is identity
    for (const auto& word : step.action.command) {
        command.emplace_back(word);
    }
    const json::Object line{
        {"time", iso8601_utc(step.now)},
        {"stream", step.stream.name},
        {"event", mark.series ? "series" : "study"},
        {"study", log::uid_tag(mark.study.str())},
        {"series", mark.series ? log::uid_tag(mark.series->str()) : ""},
        {"action", step.progress.next},
        {"command", std::move(command)},
        {"stdout", finished.out.substr(0, m_limits.log_bytes)},
        {"stderr", finished.err.substr(0, m_limits.log_bytes)},
        {"cut", std::max(finished.out.size(), finished.err.size()) > m_limits.log_bytes},
        {"exit_code", finished.exit_code},
        {"timed_out", finished.timed_out},
        {"seconds", took.count()}};
    try {
        make_directories(step.stream.log.parent_path());
        const UniqueFd fd{::open(step.stream.log.c_str(),
                                 O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0640)};
        if (!fd) {
            throw os_error(errno, "open the log of a stream");
        }
        write_all(fd.get(), json::write(line) + "\n", "the log of a stream");
    } catch (const Error& e) { // a log that cannot be written must not stop the work
        log::error("stream_log_failed", {{"stream", step.stream.name}, {"reason", e.what()}});
    }
}

void ArrivalActions::settle(const Work& work)
{
    const auto& streams = *work.progress.streams;
    const auto is_open = [](const auto& item) {
        return !item.second.is_done && !item.second.retry.is_over();
    };
    const auto is_over = [](const auto& item) { return item.second.retry.is_over(); };
    if (std::ranges::any_of(streams, is_open)) {
        m_progress.store(work.name, work.progress);
    } else if (std::ranges::any_of(streams, is_over)) {
        ++m_counts.failed;
        log::error("arrival_failed", {{"study", work.mark.study}, {"reason", "a stream failed"}});
        m_progress.store(work.name, work.progress);
        m_marks.fail(work.name);
    } else {
        m_marks.finish(work.name);
        m_progress.remove(work.name);
    }
}

void ArrivalActions::wait(std::chrono::milliseconds longest, int more) const
{
    std::vector<pollfd> events{{more, POLLIN, 0}};
    auto until = steady_clock::now() + longest;
    for (const auto& work : m_running) {
        if (!work.program) { // the disk failed before it could be settled
            continue;
        }
        for (const auto& event : work.program->events()) {
            events.push_back(event);
        }
        until = std::min(until, work.program->wake_up());
    }
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(until - steady_clock::now());
    // One more, for the part of a millisecond that is cut off. What woke us is found by advance().
    ::poll(events.data(), events.size(),
           static_cast<int>(std::clamp<std::int64_t>(left.count() + 1, 0, 60'000)));
}

void ArrivalActions::stop()
{
    m_queue.clear();
    m_running.remove_if([](const Work& work) { return !work.program; });
    for (auto& work : m_running) {
        work.program->expire();
    }
    while (!m_running.empty()) {
        m_running.remove_if([&](Work& work) {
            if (!work.program->advance()) {
                return false;
            }
            static_cast<void>(work.program->take()); // cut short by us: neither done nor failed
            work.progress.streams->at(work.stream).program.reset();
            m_progress.store(work.name, work.progress);
            return true;
        });
        if (!m_running.empty()) {
            wait(std::chrono::milliseconds{1000});
        }
    }
}

} // namespace fiona::ingest
