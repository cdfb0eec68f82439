// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/ids.h"
#include "libfiona/inventory/enumeration.h"

#include <cstddef>
#include <functional>
#include <optional>
#include <string>

namespace fiona::inventory {

/// What a run is limited to.
struct Selection {
    std::optional<ProjectName> project{}; ///< InstitutionName, where the anonymizer puts it
    std::optional<unsigned> days{};       ///< back from today; all that is dated later too
};

using OnKeys = std::function<void(const pacs::Keys&)>;

/// All studies with study_keys(), each once. Throws as enumerate_studies().
[[nodiscard]] Coverage list_studies(pacs::QuerySession& session, const Selection& selection,
                                    std::chrono::sys_days today, const Patience& patience,
                                    const OnKeys& on_study);

/// The patients of all studies, each once, with what a list of patients has always had: PatientID,
/// PatientSex, NumberOfPatientRelatedStudies. `studies` of the result counts them.
[[nodiscard]] Coverage list_patients(pacs::QuerySession& session, const Selection& selection,
                                     std::chrono::sys_days today, const Patience& patience,
                                     const OnKeys& on_patient);

struct OnePatient {
    std::string id;
    std::optional<ProjectName> project{}; ///< only its studies in this project
};
/// Its studies. Throws also Error{Fault::data} if the id cannot be asked for: it is empty, has a
/// backslash, or is not ASCII.
[[nodiscard]] Coverage list_studies_of(pacs::QuerySession& session, const OnePatient& patient,
                                       std::chrono::sys_days today, const Patience& patience,
                                       const OnKeys& on_study);

} // namespace fiona::inventory
