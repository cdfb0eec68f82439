// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/ids.h"
#include "libfiona/redcap/client.h"
#include "libfiona/routing/autoid_key.h"

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace fiona::routing {

/// What AUTOID (share/redcap/autoid.csv) knows of one project: the pseudonym of each patient, under a hash.
class AutoIdRegister {
public:
    /// Reads the rows of the project. `autoid` and `key` are borrowed and outlive this object.
    AutoIdRegister(redcap::Client& autoid, const AutoIdKey& key, ProjectName project);

    /// The pseudonym of the patient with that study_patient_id, found by the keyed hash or by the
    /// SHA-512 of the original (autoid_method 1).
    [[nodiscard]] std::optional<std::string> find(const std::string& study_patient_id) const;
    /// Every pseudonym that was ever given.
    [[nodiscard]] std::vector<std::string> values() const
    {
        return {m_given.begin(), m_given.end()};
    }

    struct Entry {
        std::string study_patient_id;
        std::string value;
    };
    /// Writes the rows, under ids that follow from project and hash, and reads them back. Afterwards
    /// find() says what REDCap holds. Throws Error{Fault::protocol} if a row is not there.
    void add(const std::vector<Entry>& entries);

    /// Record id: `h` and 24 hex digits of SHA-256(project NUL hash). Two runs cannot make two rows.
    [[nodiscard]] static std::string record_id(const ProjectName& project, std::string_view hash);

private:
    void read();

    redcap::Client& m_autoid;
    const AutoIdKey& m_key;
    ProjectName m_project;
    std::map<std::string, std::string, std::less<>> m_values; ///< by hash
    std::set<std::string>
        m_given; ///< those, and others: a second one of a hash, one without a hash
};

/// Whether any row of AUTOID has a keyed hash: then a key was in use.
[[nodiscard]] bool has_keyed_rows(redcap::Client& autoid);

} // namespace fiona::routing
