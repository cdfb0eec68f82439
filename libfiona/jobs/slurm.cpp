// SPDX-License-Identifier: MIT
#include "libfiona/jobs/slurm.h"

#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/base/number.h"
#include "libfiona/base/process.h"
#include "libfiona/base/text.h"
#include "libfiona/store/atomic_file.h"

#include <algorithm>
#include <array>

namespace fiona::jobs {

namespace {

constexpr std::chrono::seconds patience{30};

/// Words of squeue(1), "JOB STATE CODES", of those that Slurm still has in hand.
constexpr std::array<std::string_view, 12> waiting_words{
    "PENDING",  "RUNNING",     "CONFIGURING",  "COMPLETING", "SUSPENDED", "REQUEUED",
    "RESIZING", "REQUEUE_FED", "REQUEUE_HOLD", "SIGNALING",  "STAGE_OUT", "STOPPED"};

std::string first_line(std::string_view text)
{
    constexpr std::size_t enough = 200;
    return std::string{trimmed(split(trimmed(text), '\n').front()).substr(0, enough)};
}

bool is_number(std::string_view text)
{
    return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

} // namespace

std::vector<std::string> sbatch_call(const SlurmSettings& settings, const SlurmBatch& batch,
                                     const std::filesystem::path& script)
{
    constexpr std::uint64_t mebibyte = std::uint64_t{1} << 20U;
    // Our own clock ends the program and notes why; Slurm's comes later.
    const auto minutes = std::chrono::ceil<std::chrono::minutes>(batch.limits.time).count() + 5;
    std::vector<std::string> words{
        "sbatch",
        "--parsable",
        fmt::format("--job-name={}", batch.name),
        fmt::format("--array=0-{}%{}", batch.tasks - 1, batch.max_parallel),
        fmt::format("--mem={}M", std::max(batch.limits.memory_bytes / mebibyte, std::uint64_t{1})),
        fmt::format("--cpus-per-task={}", batch.limits.cpus),
        fmt::format("--time={}", minutes),
        fmt::format("--output={}/{}-%a.out", batch.directory.native(), batch.name),
        fmt::format("--chdir={}", batch.directory.native()),
        "--no-requeue" // an attempt is ours to begin
    };
    if (batch.limits.has_gpu) {
        words.emplace_back("--gres=gpu:1");
    }
    if (!settings.partition.empty()) {
        words.push_back(fmt::format("--partition={}", settings.partition));
    }
    if (!settings.account.empty()) {
        words.push_back(fmt::format("--account={}", settings.account));
    }
    words.insert(words.end(), settings.options.begin(), settings.options.end());
    words.push_back(script.native());
    words.insert(words.end(), batch.command.begin(), batch.command.end());
    return words;
}

std::string submit(const SlurmSettings& settings, const SlurmBatch& batch)
{
    // sbatch wants a script; this one says nothing but its arguments.
    const auto script = batch.directory / "slurm-task";
    make_directories(batch.directory);
    store::write_file(script, "#!/bin/sh\nexec \"$@\"\n", 0750);
    Command command;
    command.arguments = sbatch_call(settings, batch, script);
    command.deadline = patience;
    const auto answer = run(command);
    if (answer.timed_out) {
        throw Error{Fault::unreachable, "Slurm does not answer"};
    }
    if (answer.exit_code != 0) {
        const auto reason = first_line(answer.err);
        const bool is_absent = answer.err.find("ontact") != std::string::npos // contact controller
                               || answer.err.find("onnect") != std::string::npos
                               || answer.err.find("timed out") != std::string::npos;
        throw Error{is_absent ? Fault::unreachable : Fault::protocol, "sbatch: {}", reason};
    }
    const auto line = first_line(answer.out);
    std::string number{split(line, ';').front()}; // number;cluster
    if (!is_number(number)) {
        throw Error{Fault::protocol, "sbatch does not tell the number of the job"};
    }
    return number;
}

SlurmQueue SlurmQueue::parse(std::string_view text)
{
    SlurmQueue queue;
    for (const auto line : split(text, '\n')) {
        const auto fields = split(trimmed(line), '|');
        if (fields.size() != 4 || !is_number(fields[0])) {
            continue;
        }
        queue.m_jobs.insert_or_assign(std::string{fields[3]}, std::string{fields[0]});
        if (const auto task = read_number<unsigned>(fields[1])) {
            queue.m_words[std::string{fields[0]}][*task] = fields[2];
        }
    }
    return queue;
}

void SlurmQueue::add_accounts(std::string_view text)
{
    for (const auto line : split(text, '\n')) {
        const auto fields = split(trimmed(line), '|');
        const auto id = split(fields[0], '_');
        if (fields.size() < 2 || id.size() != 2 || !is_number(id[0])) {
            continue;
        }
        if (const auto task = read_number<unsigned>(id[1])) {
            // `CANCELLED by 1000`; what squeue says is younger
            m_words[std::string{id[0]}].try_emplace(*task, split(fields[1], ' ').front());
        }
    }
}

SlurmQueue SlurmQueue::look()
{
    Command command;
    command.arguments = {"squeue", "-h", "-r", "-t", "all", "-o", "%F|%K|%T|%j"};
    command.deadline = patience;
    command.max_output = std::size_t{64} << 20U;
    const auto answer = run(command);
    if (answer.exit_code != 0 || answer.timed_out) {
        throw Error{Fault::unreachable, "squeue: {}", first_line(answer.err)};
    }
    auto queue = parse(answer.out);
    command.arguments = {"sacct", "-n", "-X", "-P", "-o", "JobID,State"};
    try {
        const auto accounts = run(command);
        if (accounts.exit_code == 0 && !accounts.timed_out) { // many sites keep none
            queue.add_accounts(accounts.out);
        }
    } catch (const Error&) { // no sacct here
    }
    return queue;
}

std::string SlurmQueue::word(const std::string& job, unsigned task) const
{
    const auto tasks = m_words.find(job);
    if (tasks == m_words.end()) {
        return {};
    }
    const auto found = tasks->second.find(task);
    return found == tasks->second.end() ? "" : found->second;
}

SlurmState SlurmQueue::state(const std::string& job, unsigned task) const
{
    const auto what = word(job, task);
    if (what.empty()) {
        return SlurmState::unknown;
    }
    return std::ranges::find(waiting_words, what) != waiting_words.end() ? SlurmState::waiting
                                                                         : SlurmState::ended;
}

std::optional<std::string> SlurmQueue::job_of(const std::string& batch) const
{
    const auto found = m_jobs.find(batch);
    return found == m_jobs.end() ? std::nullopt : std::optional{found->second};
}

} // namespace fiona::jobs
