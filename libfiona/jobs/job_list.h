// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/dates.h"
#include "libfiona/base/ids.h"
#include "libfiona/base/json.h"

#include <filesystem>
#include <string>
#include <vector>

namespace fiona::jobs {

/// A container to be run over some series: one line of `workflow_joblist.jobs`.
struct Job {
    std::string id; ///< equal ids are the same job; never empty
    std::string project;
    std::string stream;
    std::string image; ///< `name:tag`
    std::string user;
    TimePoint date;
    std::string number = "0"; ///< index of the data set, for old readers
    std::string ror_folder;
    json::Array destination;
    std::string options; ///< ROR_CONT_OPTIONS: JSON text, or empty
    std::string select;  ///< statement; empty if `series` says it all
    StudyUid study;
    std::vector<SeriesUid> series;
};

/// The list of jobs that fiona-run-one-job(1) works through, one JSON object a line.
///
/// line
///   -     no job, or done
///   +     waits, or runs
///   torn  a writer died in the middle; it ends at the next append, and its reader reports it
///
/// Whoever changes the list holds `<list>.lock`. Lines of writers that know no lock are kept.
class JobList {
public:
    explicit JobList(std::filesystem::path file);

    enum class Appended { yes, was_there };
    /// Returns when the line is on the disk. A job whose id the list has is not added again, so that
    /// whoever was killed in between may repeat the call. Throws os_error(); then the list is as it was.
    // NOLINTNEXTLINE(modernize-use-nodiscard) called for its effect
    Appended append(const Job& job) const;

    [[nodiscard]] const std::filesystem::path& file() const { return m_file; }

private:
    std::filesystem::path m_file;
};

/// The line without its end: `{"type":"ror","project":..,"stream":..,"image":..,"user":..,"date":..,
/// "job_number":..,"ror_folder":..,"destination":[..],"ROR_CONT_OPTIONS":..}` and `job_id`, `study`,
/// `series`, `select`.
[[nodiscard]] std::string as_line(const Job& job);

} // namespace fiona::jobs
