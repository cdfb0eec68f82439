// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/config.h"
#include "libfiona/jobs/job_list.h"
#include "libfiona/jobs/ror_folder.h"
#include "libfiona/jobs/select_evaluation.h"
#include "libfiona/store/study_tree.h"

#include <filesystem>
#include <string>
#include <vector>

/// From a line of the list to the images it is about.
namespace fiona::jobs {

using SeriesSet = std::vector<SeriesName>;

/// All series of the studies, or of the site if none is named, as a statement sees them: elements of the
/// first image of a series, else the keys of its JSON, and ClassifyTypes, NumImages and Path.
[[nodiscard]] std::vector<Candidate> candidates(const store::StudyTree& tree,
                                                const std::vector<StudyUid>& studies = {});

/// What the statement chooses among them, by number.
[[nodiscard]] std::vector<SeriesSet> chosen_sets(const Statement& statement,
                                                 const std::vector<Candidate>& series);

/// The sets of a line. Members are one set. With `series` (of `study`), or with `study` alone, its `select` chooses among
/// them, a `job_number` other than 0 one of the result; without `select` they are one set. Without
/// `study` the number is one of the frozen list `jobs.json` in `ror_folder`, written when the job was
/// listed: nothing else keeps its meaning when data arrive.
///
/// Throws Error{Fault::data}: `unstable job number` without such a list, a bad statement, no such number.
[[nodiscard]] std::vector<SeriesSet> sets_of(const Job& job, const store::StudyTree& tree,
                                             const std::filesystem::path& ror_folder);

/// As `ror status --jobs` prints it: an array of jobs, each an array of objects with StudyInstanceUID,
/// SeriesInstanceUID, JobID and the name.
[[nodiscard]] json::Value as_frozen_list(const std::vector<SeriesSet>& sets);

/// The images of a set, as far as they are on this machine: a series may have none.
[[nodiscard]] std::vector<InputSeries> input_of(const SeriesSet& set, const store::StudyTree& tree);

} // namespace fiona::jobs
