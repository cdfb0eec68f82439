// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/dates.h"
#include "libfiona/base/private.h"
#include "libfiona/redcap/incoming.h"
#include "libfiona/store/study_tree.h"

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace fiona::routing {

/// What the patient of a series is called, as its header has it.
struct PatientLabels {
    Private<std::string> id;
    Private<std::string> name;
};

/// One study as the archive has it now, in the words of INCOMING.
struct StudyOnDisk {
    redcap::StudyRecord record;
    std::size_t unreadable = 0; ///< series whose JSON is no JSON, or is that of another study
    TimePoint newest;           ///< youngest series JSON
    /// All that occur, each once. For routing rules; they leave memory by no other way.
    std::vector<PatientLabels> patients;

    /// Equal digests mean equal rows in INCOMING (the arrival date is not part of it).
    [[nodiscard]] std::string digest() const;
};

/// `record.series` is empty if no series of the study can be recorded. In `record` the patient's name and
/// id are hex SHA-256. `now` becomes the arrival date, should REDCap have none.
[[nodiscard]] StudyOnDisk read_study(const store::StudyTree& tree, const StudyUid& study,
                                     TimePoint now);

/// Whether a UID lies below the root of the original FIONA, where only its de-identification makes new ones.
/// Ours lie below 2.25., as those of many scanners: that says nothing.
[[nodiscard]] bool has_original_root(const StudyUid& study);

} // namespace fiona::routing
