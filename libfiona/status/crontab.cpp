// SPDX-License-Identifier: MIT
#include "libfiona/status/crontab.h"

#include "libfiona/base/crontab.h"

#include <algorithm>
#include <utility>

namespace fiona::status {

namespace {

/// The part of a path behind the last slash.
std::string_view base_name(std::string_view path)
{
    return path.substr(path.rfind('/') + 1);
}

bool is_our_tool(std::string_view word)
{
    const auto name = base_name(word);
    return name.starts_with("fiona-") && name.find('.') == std::string_view::npos;
}

/// Where the shell takes over again.
bool ends_command(std::string_view word)
{
    return word == "|" || word == "||" || word == "&&" || word == ";"
           || word.find_first_of("<>") != std::string_view::npos;
}

/// What the words behind the schedule run, without it; nothing if that is no tool of ours.
std::optional<CronJob> job_in(const std::vector<std::string_view>& words)
{
    constexpr std::string_view project_option = "--project";
    constexpr std::string_view project_equals = "--project=";
    const auto tool = std::ranges::find_if(words, is_our_tool);
    if (tool == words.end()) {
        return std::nullopt;
    }
    CronJob job;
    job.name.tool = base_name(*tool);
    bool is_before_options = true;
    for (auto word = tool + 1; word != words.end() && !ends_command(*word); ++word) {
        const bool is_option = word->starts_with('-');
        is_before_options = is_before_options && !is_option;
        if (is_before_options) {
            job.name.commands.emplace_back(*word);
        }
        if (!is_option) {
            job.words.emplace_back(*word);
        }
        if (*word == project_option && word + 1 != words.end()) {
            job.name.project = *(word + 1);
        } else if (word->starts_with(project_equals)) {
            job.name.project = word->substr(project_equals.size());
        }
    }
    return job;
}

} // namespace

std::vector<CronJob> read_crontab(std::string_view text)
{
    std::vector<CronJob> jobs;
    for (const auto& line : cron::lines_of(text)) {
        const auto due = Schedule::parse(line.schedule);
        auto job = job_in(cron::words_of(line.command));
        if (due && job) {
            job->schedule = line.schedule;
            job->due = *due;
            jobs.push_back(std::move(*job));
        }
    }
    return jobs;
}

namespace {

bool is_overdue(const Schedule& due, TimePoint last_start, TimePoint now)
{
    constexpr std::chrono::seconds least{120};
    constexpr std::chrono::seconds most{3600};
    const auto expected = due.next(last_start);
    const auto after = expected ? due.next(*expected) : std::nullopt;
    if (!after) {
        return false;
    }
    const auto interval = std::chrono::duration_cast<std::chrono::seconds>(*after - *expected);
    return now > *expected + std::clamp(interval / 10, least, most);
}

/// How many of the job's words the run has; nothing if it is another one's.
std::optional<std::size_t> shared_words(const CronJob& job, const store::RunName& run)
{
    if (run.tool != job.name.tool || run.project != job.name.project) {
        return std::nullopt;
    }
    auto wanted = run.commands;
    if (!run.part.empty()) {
        wanted.push_back(run.part);
    }
    auto from = job.words.begin();
    for (const auto& word : wanted) {
        from = std::find(from, job.words.end(), word);
        if (from == job.words.end()) {
            return std::nullopt;
        }
        ++from;
    }
    return wanted.size();
}

std::optional<store::KnownRun> run_of(const CronJob& job, const std::vector<store::KnownRun>& runs)
{
    const store::KnownRun* best = nullptr;
    std::size_t most = 0;
    for (const auto& run : runs) {
        const auto shared = shared_words(job, run.run.name);
        if (shared && (best == nullptr || *shared > most)) {
            best = &run;
            most = *shared;
        }
    }
    return best == nullptr ? std::nullopt : std::optional{*best};
}

} // namespace

std::vector<JobState> job_states(const std::vector<CronJob>& jobs,
                                 const std::vector<store::KnownRun>& runs,
                                 std::optional<TimePoint> known_since, TimePoint now)
{
    std::vector<JobState> states;
    for (const auto& job : jobs) {
        JobState state{job, run_of(job, runs), false};
        if (const auto& run = state.run) {
            const auto newest =
                run->last ? std::max(run->run.started, run->last->ended) : run->run.started;
            state.is_overdue =
                run->state != store::KnownRun::State::running && is_overdue(job.due, newest, now);
        } else {
            state.is_overdue = known_since && is_overdue(job.due, *known_since, now);
        }
        states.push_back(std::move(state));
    }
    return states;
}

} // namespace fiona::status
