// SPDX-License-Identifier: MIT
#include "libfiona/routing/coupling_import.h"

#include "libfiona/base/digest.h"
#include "libfiona/base/error.h"
#include "libfiona/base/log.h"
#include "libfiona/routing/participant_check.h"
#include "libfiona/routing/participant_rows.h"
#include "libfiona/routing/pseudonyms.h"
#include "libfiona/routing/series_record.h"
#include "libfiona/store/study_tree.h"

#include <algorithm>
#include <map>
#include <set>

namespace fiona::routing {

namespace {

constexpr std::size_t records_per_call = 200;

bool is_same_study(const CouplingRow& a, const CouplingRow& b)
{
    const auto is_equal = [](const std::string& one, const std::string& other) {
        return !one.empty() && one == other;
    };
    return is_equal(a.accession.reveal(), b.accession.reveal()) || is_equal(a.study, b.study);
}

bool is_same_content(const CouplingRow& a, const CouplingRow& b)
{
    return a.accession.reveal() == b.accession.reveal() && a.study == b.study
           && a.project == b.project && a.participant == b.participant && a.event == b.event;
}

/// The rows that are there, by the studies they are for.
class Existing {
public:
    explicit Existing(std::vector<CouplingRow> rows) : m_index{std::move(rows)} {}

    /// True if the list says exactly this already. Throws Error{Fault::data} if it says something else
    /// about the study and the project.
    [[nodiscard]] bool has(const CouplingRow& row) const
    {
        bool is_there = false;
        for (const auto* const other : m_index.find(row.study, row.accession)) {
            if (other->project != row.project || !is_same_study(*other, row)) {
                continue;
            }
            if (other->participant != row.participant || other->event != row.event) {
                throw Error{Fault::data,
                            "the coupling list has this study for this project with another {}",
                            other->participant == row.participant ? "event" : "participant"};
            }
            is_there = is_there || is_same_content(*other, row);
        }
        return is_there;
    }

private:
    CouplingIndex m_index;
};

/// The studies that are here already for some rows.
class StudiesHere {
public:
    StudiesHere(const Paths& paths, std::vector<CouplingRow> rows)
    {
        const CouplingIndex index{std::move(rows)};
        const store::StudyTree tree{paths};
        for (const auto& study : tree.studies()) {
            const auto record = read_study(tree, study, Clock::now()).record;
            for (const auto* const row : index.find(study.str(), Private{record.accession})) {
                m_rows.insert(row->record);
                if (is_known_patient(record.hashed_patient_id)) {
                    m_patients[{row->project, row->participant}].insert(record.hashed_patient_id);
                }
            }
        }
    }

    [[nodiscard]] bool has(const CouplingRow& row) const { return m_rows.contains(row.record); }
    /// Throws Error{Fault::data} if two patients would have one pseudonym.
    void check_patient(const CouplingRow& row) const
    {
        const auto found = m_patients.find({row.project, row.participant});
        if (found != m_patients.end() && found->second.size() > 1) {
            throw Error{Fault::data, "the participant would have studies of two patients"};
        }
    }

private:
    std::set<std::string> m_rows; ///< record ids
    /// SHA-256 of their ids.
    std::map<Pseudonym, std::set<std::string>> m_patients;
};

} // namespace

/// The projects of a file, each opened once.
class CouplingImporter::Targets {
public:
    Targets(redcap::Client& dtp, OpenProject open) : m_check{dtp}, m_open{std::move(open)} {}

    /// Turns the event into its label. Throws Error{Fault::data} with the reason.
    void check(CouplingRow& row)
    {
        auto& target = open(row.project);
        m_check.check(row.project, row.participant);
        if (target.rows->find(row.participant) == ParticipantRows::Known::other_spelling) {
            throw Error{Fault::data, "the participant exists with other upper and lower case"};
        }
        if (!row.event.empty()) {
            row.event = target.rows->event(row.event).label;
        }
    }

    [[nodiscard]] bool is_new(const CouplingRow& row)
    {
        return open(row.project).rows->find(row.participant) == ParticipantRows::Known::no;
    }

    void create(const std::string& project, const std::set<std::string>& participants)
    {
        auto& target = open(project);
        std::vector<redcap::Row> rows;
        rows.reserve(participants.size());
        for (const auto& participant : participants) {
            rows.push_back(target.rows->row(participant, target.rows->event("").unique_name));
        }
        target.client->import_records(rows, redcap::Overwrite::normal);
    }

private:
    struct Target {
        std::unique_ptr<redcap::Client> client;
        std::unique_ptr<ParticipantRows> rows;
    };

    Target& open(const std::string& project)
    {
        auto& target = m_targets[project];
        if (!target.client) {
            const auto& known = m_check.check_project(project);
            if (!known.token) {
                throw Error{Fault::data, "the project has no token in DataTransferProjects"};
            }
            target.client = m_open(*known.token);
            target.rows = std::make_unique<ParticipantRows>(*target.client);
        }
        return target;
    }

    RequestCheck m_check;
    OpenProject m_open;
    std::map<std::string, Target> m_targets;
};

CouplingImporter::CouplingImporter(const Paths& paths, redcap::Client& coupling,
                                   redcap::Client& dtp, OpenProject open)
    : m_paths{paths}, m_coupling{coupling}, m_dtp{dtp}, m_open{std::move(open)}
{
}

/// What the good lines of a file come to.
struct CouplingImporter::Plan {
    std::vector<CouplingRow> good;  ///< with record id and date
    std::vector<CouplingRow> fresh; ///< of them, those that the list has not
    std::map<std::string, std::set<std::string>> newcomers; ///< participants, by project
    std::vector<CouplingFile::Bad> bad;
    std::size_t matching = 0; ///< of the good ones, studies are here
};

CouplingImporter::Plan CouplingImporter::plan(CouplingFile file, Targets& targets,
                                              const CouplingImport& options, TimePoint now)
{
    auto rows = read_coupling(m_coupling);
    const Existing existing{rows};
    for (auto& [number, row] : file.lines) {
        row.record = row.made_record_id();
        rows.push_back(row);
    }
    const StudiesHere here{m_paths, std::move(rows)};
    Plan plan;
    plan.bad = std::move(file.bad);
    for (auto& [number, row] : file.lines) {
        try {
            targets.check(row);
            here.check_patient(row);
            row.created = local_minute(now);
            if (!existing.has(row)) {
                plan.fresh.push_back(row);
            }
            if (options.participants == CouplingImport::Participants::create
                && targets.is_new(row)) {
                plan.newcomers[row.project].insert(row.participant);
            }
            plan.matching += here.has(row) ? 1U : 0U;
            plan.good.push_back(std::move(row));
        } catch (const Error& e) {
            if (e.fault() != Fault::data) {
                throw;
            }
            plan.bad.push_back({number, e.what()});
        }
    }
    std::ranges::sort(plan.bad, {}, &CouplingFile::Bad::number);
    return plan;
}

CouplingImportReport CouplingImporter::import(CouplingFile file, const CouplingImport& options,
                                              Mode mode, TimePoint now)
{
    CouplingImportReport report;
    report.lines = file.lines.size() + file.bad.size();
    Targets targets{m_dtp, m_open};
    auto planned = plan(std::move(file), targets, options, now);
    report.bad = std::move(planned.bad);
    report.is_refused =
        !report.bad.empty() && options.bad_lines == CouplingImport::BadLines::refuse_all;
    if (report.is_refused) {
        return report;
    }
    report.added = planned.fresh.size();
    report.unchanged = planned.good.size() - planned.fresh.size();
    for (const auto& [project, participants] : planned.newcomers) {
        report.participants_created += participants.size();
    }
    report.matching = planned.matching;
    if (mode == Mode::apply) {
        write(planned, targets, now);
    }
    return report;
}

void CouplingImporter::write(const Plan& plan, Targets& targets, TimePoint now)
{
    const AuditLog audit{m_paths.logs() / "assign-audit.log"};
    for (const auto& [project, participants] : plan.newcomers) {
        std::vector<AuditEntry> entries;
        entries.reserve(participants.size());
        for (const auto& participant : participants) {
            entries.push_back({"add-participant", std::nullopt, ProjectName{project},
                               ParticipantId{participant}});
        }
        audit.append(entries, now);
        targets.create(project, participants);
    }
    std::vector<AuditEntry> entries;
    std::vector<redcap::Row> rows;
    entries.reserve(plan.fresh.size());
    rows.reserve(plan.fresh.size());
    for (const auto& row : plan.fresh) {
        entries.push_back({"coupling-import",
                           row.study.empty() ? std::nullopt : std::optional{StudyUid{row.study}},
                           ProjectName{row.project}, ParticipantId{row.participant}});
        rows.push_back(coupling_record(row));
    }
    if (!rows.empty()) {
        audit.append(entries, now);
        m_coupling.import_records(rows, redcap::Overwrite::normal);
    }
}

ExpiryReport expire_coupling(redcap::Client& coupling, std::chrono::seconds age, Mode mode,
                             TimePoint now)
{
    ExpiryReport report;
    std::vector<std::string> old;
    for (const auto& row : read_coupling(coupling)) {
        ++report.rows;
        const auto created = row.created_at();
        if (!created) {
            ++report.undated;
        } else if (*created < now - age) {
            old.push_back(row.record);
        }
    }
    report.deleted = old.size();
    if (mode == Mode::dry_run) {
        return report;
    }
    for (std::size_t i = 0; i < old.size(); i += records_per_call) {
        const auto end = std::min(i + records_per_call, old.size());
        coupling.delete_records(
            std::vector<std::string>(old.begin() + static_cast<std::ptrdiff_t>(i),
                                     old.begin() + static_cast<std::ptrdiff_t>(end)));
    }
    log::info("coupling_expired", {{"rows", report.rows}, {"deleted", report.deleted}});
    return report;
}

} // namespace fiona::routing
