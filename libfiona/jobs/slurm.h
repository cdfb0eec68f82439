// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/jobs/job_settings.h"

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

/// Slurm as a place for programs to run: one array for each batch of jobs with equal limits. The tools
/// sbatch, squeue, sacct and scancel of the site's Slurm are called; nothing else of it is needed.
namespace fiona::jobs {

struct SlurmBatch {
    std::string name;      ///< of the array: unique, of letters, digits and -
    std::size_t tasks = 0; ///< numbered from 0
    ImageSettings limits;  ///< memory, processors, time, GPU
    unsigned max_parallel = 2;
    std::filesystem::path directory; ///< of ours, on the shared file system: script and streams
    /// Run for each task, which finds its number in $SLURM_ARRAY_TASK_ID.
    std::vector<std::string> command;
};

/// Its arguments, for sbatch(1): none of them passes through a shell.
[[nodiscard]] std::vector<std::string> sbatch_call(const SlurmSettings& settings,
                                                   const SlurmBatch& batch,
                                                   const std::filesystem::path& script);

/// Hands the batch over; the number of the array. Throws Error{Fault::unreachable} if Slurm does not
/// answer, Error{Fault::protocol} with its first line if it refuses.
[[nodiscard]] std::string submit(const SlurmSettings& settings, const SlurmBatch& batch);

/// What Slurm says of one task.
enum class SlurmState {
    waiting, ///< or running, or being cleaned up: it is Slurm's
    ended,   ///< in one way or other
    unknown  ///< Slurm has forgotten it, or never knew it
};

/// A look at all of them at once.
class SlurmQueue {
public:
    /// Asks squeue; who ended some time ago is asked of sacct, where Slurm keeps accounts. Throws
    /// Error{Fault::unreachable} if the controller does not answer: then nothing is known of any job.
    [[nodiscard]] static SlurmQueue look();
    /// From what `squeue -h -r -t all -o "%F|%K|%T|%j"` prints; broken lines are passed over.
    [[nodiscard]] static SlurmQueue parse(std::string_view text);

    [[nodiscard]] SlurmState state(const std::string& job, unsigned task) const;
    /// The word of Slurm, such as OUT_OF_MEMORY; "" if it is unknown.
    [[nodiscard]] std::string word(const std::string& job, unsigned task) const;
    /// The number of the array of that name, if Slurm knows one.
    [[nodiscard]] std::optional<std::string> job_of(const std::string& batch) const;
    /// Adds what `sacct -n -X -P -a -o JobID,State` prints for one array.
    void add_accounts(std::string_view text);

private:
    std::map<std::string, std::map<unsigned, std::string>, std::less<>> m_words;
    std::map<std::string, std::string, std::less<>> m_jobs; ///< by name
};

} // namespace fiona::jobs
