// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/config.h"
#include "libfiona/base/dates.h"
#include "libfiona/base/mode.h"
#include "libfiona/redcap/client.h"
#include "libfiona/routing/assign.h"
#include "libfiona/routing/coupling_file.h"

#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

namespace fiona::routing {

struct CouplingImport {
    enum class Participants { as_they_are, create };
    enum class BadLines {
        refuse_all, ///< nothing is written unless every line is good
        skip
    };
    Participants participants = Participants::as_they_are;
    BadLines bad_lines = BadLines::refuse_all;
};

struct CouplingImportReport {
    std::size_t lines = 0;
    std::vector<CouplingFile::Bad> bad; ///< by line
    bool is_refused = false;            ///< nothing was written because of them
    std::size_t added = 0;              ///< with Mode::dry_run: would be
    std::size_t unchanged = 0;
    std::size_t participants_created = 0;
    std::size_t matching = 0; ///< good lines for which a study is here already
};

/// Adds the lines of a file to the coupling list. Each line is held against DataTransferProjects, the
/// participants and events of its project, the list as it is, and the patients of the studies that are here: no
/// two of them get one pseudonym. Events are stored as labels. Doing it
/// twice changes nothing. Participants and rows are in the audit log before they are in REDCap.
class CouplingImporter {
public:
    /// All are borrowed and outlive this object.
    CouplingImporter(const Paths& paths, redcap::Client& coupling, redcap::Client& dtp,
                     OpenProject open);

    [[nodiscard]] CouplingImportReport import(CouplingFile file, const CouplingImport& options,
                                              Mode mode, TimePoint now);

private:
    class Targets;
    struct Plan;

    [[nodiscard]] Plan plan(CouplingFile file, Targets& targets, const CouplingImport& options,
                            TimePoint now);
    void write(const Plan& plan, Targets& targets, TimePoint now);

    const Paths& m_paths;
    redcap::Client& m_coupling;
    redcap::Client& m_dtp;
    OpenProject m_open;
};

struct ExpiryReport {
    std::size_t rows = 0;
    std::size_t deleted = 0; ///< with Mode::dry_run: would be
    std::size_t undated = 0; ///< no cl_date that can be read: kept for a person
};

/// Deletes the rows that are older than `age`.
[[nodiscard]] ExpiryReport expire_coupling(redcap::Client& coupling, std::chrono::seconds age,
                                           Mode mode, TimePoint now);

} // namespace fiona::routing
