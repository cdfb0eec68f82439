// SPDX-License-Identifier: MIT
#include "libfiona/routing/pseudonyms.h"

#include "libfiona/base/digest.h"

namespace fiona::routing {

RequestedPatients requested_patients(redcap::Incoming& incoming,
                                     const std::set<Pseudonym>& pseudonyms,
                                     redcap::ExportSpec::Source source)
{
    RequestedPatients found;
    if (pseudonyms.empty()) {
        return found;
    }
    std::set<StudyUid> studies;
    for (const auto& transfer : incoming.transfers({}, source)) {
        if (pseudonyms.contains(pseudonym_of(transfer))) {
            found.studies.insert({transfer.study, pseudonym_of(transfer)});
            studies.insert(transfer.study);
        }
    }
    const auto recorded = incoming.recorded_patients({studies.begin(), studies.end()});
    for (const auto& [study, pseudonym] : found.studies) {
        if (const auto patient = recorded.find(study);
            patient != recorded.end() && is_known_patient(patient->second)) {
            found.patients[pseudonym].insert(patient->second);
        } else {
            found.unrecorded.insert({study, pseudonym});
        }
    }
    return found;
}

bool is_known_patient(std::string_view hashed_patient_id)
{
    static const std::string of_nothing = sha256_hex("");
    return !hashed_patient_id.empty() && hashed_patient_id != of_nothing;
}

} // namespace fiona::routing
