// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/dates.h"
#include "libfiona/base/ids.h"
#include "libfiona/base/json.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fiona::jobs {

struct SeriesName {
    StudyUid study;
    SeriesUid series;
    std::string name{}; ///< of the clause of a select statement that chose it
};

/// A container to be run over some series: one line of `workflow_joblist.jobs`.
struct Job {
    std::string id; ///< equal ids are the same job; never empty
    std::string project;
    std::string stream;
    std::string image; ///< `name:tag`
    std::string user;
    TimePoint date;
    std::string number = "0"; ///< index of the data set
    std::string ror_folder;
    json::Array destination;
    std::string options; ///< ROR_CONT_OPTIONS: JSON text, or empty
    std::string select;  ///< statement; empty if `series` says it all
    std::optional<StudyUid> study{};
    std::vector<SeriesUid> series{};
    /// Of more than one study, or with names: the data set itself. Then `study` and `series` say nothing.
    std::vector<SeriesName> members{};
};

/// The line without its end: `{"type":"ror","project":..,"stream":..,"image":..,"user":..,"date":..,
/// "job_number":..,"ror_folder":..,"destination":[..],"ROR_CONT_OPTIONS":..}` and `job_id`, `study`,
/// `series`, `select`.
[[nodiscard]] std::string as_line(const Job& job);

/// The job of a line. A line without `job_id`, as the Workflows page writes it, has the first digits of
/// the SHA-256 of itself: the same line is the same job. Throws Error{Fault::data} without the values
/// that are wrong.
[[nodiscard]] Job parse_line(std::string_view line);

/// The first 32 hexadecimal digits of the SHA-256 of a line: the id of a job that brings none.
[[nodiscard]] std::string line_digest(std::string_view line);

} // namespace fiona::jobs
