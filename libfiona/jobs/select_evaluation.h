// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/ids.h"
#include "libfiona/base/private.h"
#include "libfiona/jobs/select_language.h"

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace fiona::jobs {

/// One series that a statement may choose.
struct Candidate {
    StudyUid study;
    SeriesUid series;
    Private<std::string> patient_id;
    Private<std::string> patient_name;
    /// Of an element or a field of the series; nothing if it has none. Asked for only when a rule
    /// needs it: it may cost reading a header.
    std::function<std::optional<std::vector<std::string>>(const SelectTag&)> values;
};

/// A chosen series.
struct Member {
    std::size_t candidate = 0; ///< index
    std::string name;          ///< of the clause that chose it
};

/// What one job works on. Sets and their members are in the order of patient id, study UID, series
/// UID: the number of a set is the same whenever the same candidates are asked.
using DataSet = std::vector<Member>;

/// The sets that the statement chooses, by the level of its SELECT: one for each series that a clause
/// matches; for each study or patient in which every clause matches a series; for the project, one
/// of all patients in whom every clause does. Sets in which a CHECK fails are left out. Patients are
/// told apart by id, and by name where that differs from the id.
///
/// An element that a series does not have fails each comparison, and NOT turns that around. Throws
/// Error{Fault::data} if two clauses match one series.
[[nodiscard]] std::vector<DataSet> select_sets(const Statement& statement,
                                               const std::vector<Candidate>& candidates);

} // namespace fiona::jobs
