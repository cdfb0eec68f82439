// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/config.h"
#include "libfiona/jobs/data_sets.h"
#include "libfiona/jobs/job_list.h"
#include "libfiona/jobs/job_record.h"
#include "libfiona/jobs/job_settings.h"
#include "libfiona/jobs/slurm.h"
#include "libfiona/pacs/sender.h"
#include "libfiona/store/study_tree.h"

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace fiona::workflow {

/// What a line comes to before anything is begun.
struct Plan {
    jobs::ImageSettings image;
    std::filesystem::path folder; ///< of the job
    std::vector<jobs::SeriesSet> sets;
};

/// Whether a folder, all links followed, lies below one of the site's.
[[nodiscard]] bool is_inside(const jobs::JobSettings& settings,
                             const std::filesystem::path& folder);
/// Where series lie between the PACS and the input folder of a job.
[[nodiscard]] std::filesystem::path fetched_of(const std::filesystem::path& folder);

/// Begins attempts: makes the folders and hands the program over, to this machine or to Slurm.
class Start {
public:
    Start(const Config& config, const jobs::JobSettings& settings, const jobs::JobRecords& records,
          std::function<pacs::Peer()> archive, std::string program);

    /// Throws Error{Fault::data}: the image or the destination is not listed, the folder lies outside of
    /// the site's, the line chooses nothing that is there.
    [[nodiscard]] Plan plan(const jobs::Job& job) const;

    /// Makes the folders and notes that an attempt runs. Series that are not on this machine are fetched
    /// from the research PACS. Throws Error{Fault::temporary} if one runs, or not all images came;
    /// Fault::data for a series that is nowhere; what pacs::get() throws.
    void prepare(const jobs::Job& job, const Plan& plan, jobs::JobRecord& record, TimePoint now);
    /// Starts what was prepared on this machine; returns when it is at work or has ended.
    void begin_here(const jobs::JobRecord& record) const;
    /// Hands all that was prepared for Slurm over, as one array for each kind of limits. Throws as
    /// jobs::submit(); what was not handed over then waits again.
    void submit_prepared();

private:
    struct Prepared {
        jobs::JobRecord record;
        jobs::ImageSettings image;
    };

    [[nodiscard]] std::filesystem::path ror_folder(const jobs::Job& job) const;
    [[nodiscard]] std::vector<jobs::InputSeries> gather(const Plan& plan) const;
    void fetch(jobs::InputSeries& series, const std::filesystem::path& directory) const;
    void submit_batch(std::vector<Prepared> batch) const;

    const Config& m_config;
    const jobs::JobSettings& m_settings;
    const jobs::JobRecords& m_records;
    std::function<pacs::Peer()> m_archive;
    std::string m_program;
    store::StudyTree m_tree;
    std::vector<Prepared> m_prepared;
};

} // namespace fiona::workflow
