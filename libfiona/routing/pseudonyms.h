// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/ids.h"
#include "libfiona/redcap/incoming.h"

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>

namespace fiona::routing {

/// A participant's id in one project: project, participant.
using Pseudonym = std::pair<std::string, std::string>;

[[nodiscard]] inline Pseudonym pseudonym_of(const redcap::Transfer& transfer)
{
    return {transfer.project, transfer.participant};
}

/// Whose studies INCOMING has requests of, to see that no participant's id comes to two patients.
struct RequestedPatients {
    std::set<std::pair<StudyUid, Pseudonym>> studies;
    /// SHA-256 of PatientID, where it is known.
    std::map<Pseudonym, std::set<std::string>> patients;
    std::set<std::pair<StudyUid, Pseudonym>> unrecorded; ///< those of `studies` without a PatientID
};

/// Of these pseudonyms only. `source`: as in Incoming::transfers().
[[nodiscard]] RequestedPatients
requested_patients(redcap::Incoming& incoming, const std::set<Pseudonym>& pseudonyms,
                   redcap::ExportSpec::Source source = redcap::ExportSpec::Source::copy);

/// Whether a SHA-256 of a PatientID is that of one, and not of an empty value.
[[nodiscard]] bool is_known_patient(std::string_view hashed_patient_id);

} // namespace fiona::routing
