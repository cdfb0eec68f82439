// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/dates.h"
#include "libfiona/base/json.h"

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

/// What has become of the jobs of the list: `<state>/jobs/`, for each job
///
/// ID.json   ID.exit   lock on ID.run
///    -         -           -           waits
/// running      -           +           its program is at work
/// running   attempt        -           its program has ended; the output is to be checked and delivered
/// running      -           -           not begun yet, waits in the queue of Slurm, or died: begun again
///  ended       *           -           done or failed; only the line is to be taken out of the list
///
/// ID.run is locked by fiona-run-one-job(1) `task` as long as the program of the job runs, whoever
/// began it; an attempt begins only under that lock, so a job never runs twice at once. An ID.exit of
/// another attempt counts as none.
namespace fiona::jobs {

enum class JobState { waiting, running, done, failed };
[[nodiscard]] std::string_view state_name(JobState state);

struct JobRecord {
    std::string id;
    JobState state = JobState::waiting;
    unsigned attempt = 0; ///< the first is 1; no number is used twice
    unsigned deaths = 0;  ///< attempts whose program or machine died
    std::string engine;
    std::string image;
    std::filesystem::path folder; ///< what the program sees as /data; `<folder>_output` is /output
    std::string options;          ///< ROR_CONT_OPTIONS
    TimePoint begun{};            ///< of this attempt
    std::string batch;            ///< of Slurm: the name of the array; "" if it runs here
    std::string slurm_job;        ///< number of the array; "" until it is known
    unsigned slurm_task = 0;
    /// UIDs of studies of which all that the program sees came from the research PACS.
    std::vector<std::string> fetched_studies;
    bool is_sent = false;     ///< the research PACS has all images of the result
    bool is_recorded = false; ///< REDCap has output.json
    std::size_t images = 0;   ///< sent
    std::size_t values = 0;   ///< recorded
    std::string reason;       ///< why it failed, or what is remarkable; no values of headers
};

/// How the program of one attempt ended.
struct JobExit {
    unsigned attempt = 0;
    int code = -1; ///< 128 + signal number when a signal ended it
    std::string
        stopped; ///< why: `time`, `output`, `engine` (there is none); "" if it ended by itself
    TimePoint begun{};
    TimePoint ended{};
    std::int64_t max_rss_kib = 0; ///< of the largest process of it
};
/// As in `log/exit.json`: `exit`, `signal`, `stopped`, `started`, `ended`, `max_rss_kb`.
[[nodiscard]] json::Object as_document(const JobExit& ended);

class JobRecords {
public:
    explicit JobRecords(const std::filesystem::path& state_directory);
    /// Makes the directory.
    void prepare() const;

    /// That of a job never seen before waits. Throws Error{Fault::data} if the file is damaged.
    [[nodiscard]] JobRecord load(const std::string& id) const;
    void store(const JobRecord& record) const;
    [[nodiscard]] std::optional<JobExit> exit_of(const JobRecord& record) const;
    void store_exit(const std::string& id, const JobExit& ended) const;
    /// Whether the program of this attempt was begun at all: what died before may be begun again for ever.
    [[nodiscard]] bool was_begun(const JobRecord& record) const;
    void note_begin(const std::string& id, unsigned attempt) const;
    /// The jobs of an array of Slurm with their attempts, in the order of its tasks.
    struct BatchTask {
        std::string id;
        unsigned attempt = 0;
    };
    void store_batch(const std::string& name, const std::vector<BatchTask>& tasks) const;
    /// Throws Error{Fault::missing} if there is no such batch or task.
    [[nodiscard]] BatchTask batch_task(const std::string& name, std::size_t task) const;
    [[nodiscard]] std::filesystem::path batch_directory() const { return m_directory / "slurm"; }
    [[nodiscard]] std::filesystem::path run_lock(const std::string& id) const;
    /// SOP instance UIDs of the results that the PACS has taken.
    [[nodiscard]] std::vector<std::string> sent(const std::string& id) const;
    void store_sent(const std::string& id, const std::vector<std::string>& uids) const;
    /// Jobs that may have folders, and whose record was last written before `before`.
    [[nodiscard]] std::vector<std::string> with_folders(TimePoint before) const;
    /// Keeps only the memory that the job has ended: its folders are gone.
    void note_tidied(const std::string& id) const;
    /// Removes those that ended and have no folders, and batches, that were last written before `before`.
    /// A damaged one stays.
    void forget(TimePoint before) const;

private:
    [[nodiscard]] std::filesystem::path file(const std::string& id, std::string_view what) const;

    std::filesystem::path m_directory;
};

} // namespace fiona::jobs
