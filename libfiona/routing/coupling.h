// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/dates.h"
#include "libfiona/base/private.h"
#include "libfiona/redcap/client.h"

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fiona::routing {

/// One row of the coupling list (COUPLING, share/redcap/coupling.csv): a study that is expected, by accession
/// number or UID, and what it is to become. Blanks around values are gone.
struct CouplingRow {
    std::string record;
    Private<std::string> accession{""}; ///< may be empty
    std::string study{};                ///< may be empty; one of the two is there
    std::string project{};
    std::string participant{};
    std::string event{};   ///< may be empty
    std::string created{}; ///< cl_date, `YYYY-MM-DD HH:MM`

    /// Record id of a row that we make: `c` and 24 hex digits of SHA-256(accession NUL study NUL
    /// project). The same file imported twice makes the same rows.
    [[nodiscard]] std::string made_record_id() const;
    /// Nothing if there is no date of that form.
    [[nodiscard]] std::optional<TimePoint> created_at() const;
};

/// All rows that name a project and a study, in the order of the export.
[[nodiscard]] std::vector<CouplingRow> read_coupling(redcap::Client& coupling);
/// As COUPLING takes it.
[[nodiscard]] redcap::Row coupling_record(const CouplingRow& row);

/// The list by its keys.
class CouplingIndex {
public:
    CouplingIndex() = default;
    explicit CouplingIndex(std::vector<CouplingRow> rows);

    /// Rows for that study or that accession number, each once.
    [[nodiscard]] std::vector<const CouplingRow*> find(std::string_view study,
                                                       const Private<std::string>& accession) const;
    /// Equal digests: equal lists. Dates do not count.
    [[nodiscard]] const std::string& digest() const { return m_digest; }

private:
    std::vector<CouplingRow> m_rows;
    std::multimap<std::string, std::size_t, std::less<>> m_by_accession, m_by_study;
    std::string m_digest;
};

} // namespace fiona::routing
