// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/ids.h"
#include "libfiona/base/private.h"
#include "libfiona/store/study_tree.h"

#include <set>
#include <string>
#include <vector>

namespace fiona::routing {

/// What identifies the patient of one study, kept as digests, to see that a pseudonym is none of it.
/// Compared without case and without anything but letters and digits, so that "Doe_Jane" is the
/// name DOE^JANE.
class StudyIdentity {
public:
    /// PatientID and PatientName (whole and each of its components) of all its series.
    StudyIdentity(const store::StudyTree& tree, const StudyUid& study);

    /// Throws Error{Fault::data}, without the value, if the id is the patient's id or name, or holds
    /// a patient id of six or more characters.
    void refuse_if_equal(const ParticipantId& participant) const;

private:
    void add(const std::string& value);

    std::set<std::string> m_digests; ///< hex SHA-256 of the normalized values
    std::vector<Private<std::string>> m_long_ids;
};

} // namespace fiona::routing
