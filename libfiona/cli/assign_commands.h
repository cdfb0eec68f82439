// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/dates.h"
#include "libfiona/base/mode.h"
#include "libfiona/routing/assign_desk.h"

#include <CLI/CLI.hpp>

#include <optional>
#include <string>
#include <vector>

namespace fiona::cli {

/// The sub-commands of fiona-assign: what each takes, and which command of the desk it is.
class AssignCommands {
public:
    /// `app` is borrowed and outlives this object.
    explicit AssignCommands(CLI::App& app);

    /// Runs the one that was given. Throws what the desk throws.
    [[nodiscard]] routing::Report run(routing::AssignDesk& desk, Mode mode, TimePoint now) const;
    /// Cells separated by tabs, no heading.
    [[nodiscard]] bool is_plain() const { return m_plain; }

private:
    void add_lists();
    void add_participants();
    void add_requests();
    void add_coupling();

    [[nodiscard]] std::optional<ProjectName> project_if_any() const;
    [[nodiscard]] routing::StudyQuery study_query(TimePoint now) const;
    [[nodiscard]] routing::TransferQuery transfer_query() const;
    [[nodiscard]] routing::Assignment assignment(StudyUid study) const;
    [[nodiscard]] routing::CouplingImport coupling_import() const;
    [[nodiscard]] routing::Report run_coupling(routing::AssignDesk& desk, Mode mode,
                                               TimePoint now) const;

    CLI::App& m_app;
    CLI::App* m_coupling = nullptr; ///< of m_app
    std::string m_study, m_accession, m_project, m_participant, m_event, m_like, m_since, m_file;
    std::string m_older_than = "14d";
    std::vector<std::string> m_filters;
    bool m_all = false, m_errors = false, m_plain = false, m_create_participant = false;
    bool m_resend = false, m_force_second = false, m_same_person = false,
         m_create_participants = false;
    bool m_skip_bad = false;
};

} // namespace fiona::cli
