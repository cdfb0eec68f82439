// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/redcap/incoming.h"

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

/// What is stored of a study in INCOMING, and the rows that bring it up to date. Pure: no calls.
namespace fiona::redcap {

constexpr std::string_view study_form = "incoming_studies";
constexpr std::string_view series_form = "series";
constexpr std::string_view transfers_form = "transfers";

struct StoredStudy {
    bool exists = false;
    Row base;
    std::map<std::string, Row, std::less<>> series; ///< by series UID; of twins the lowest instance
    unsigned highest_instance = 0;                  ///< over all rows of `series`, readable or not
};

/// Sorts the rows of an export of both forms by record.
[[nodiscard]] std::map<StudyUid, StoredStudy> stored_studies(const std::vector<Row>& rows);

/// The rows to import so that `stored` says what `wanted` says; none if it does already. Blank
/// values are never wanted, `study_arrival_date` only where there is none yet.
[[nodiscard]] std::vector<Row> missing_rows(const StudyRecord& wanted, const StoredStudy& stored);

/// A row of `transfers`, of a record whose id is a UID.
[[nodiscard]] Transfer transfer_of(const Row& row);

/// Whether every series of `wanted` has an instance.
[[nodiscard]] bool has_all_series(const StudyRecord& wanted, const StoredStudy& stored);

} // namespace fiona::redcap
