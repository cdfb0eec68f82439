// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/base/log.h"
#include "libfiona/redcap/batch.h"
#include "libfiona/redcap/incoming.h"
#include "libfiona/redcap/incoming_rows.h"
#include "libfiona/redcap/retry.h"
#include "libfiona/redcap/study_lock.h"

#include <algorithm>
#include <optional>

namespace fiona::redcap {

namespace {

/// One study on its way into INCOMING.
struct Plan {
    const StudyRecord* study = nullptr;
    std::vector<Row> rows;        ///< to be written now
    bool chooses_numbers = false; ///< some of them are new instances
    std::size_t series_rows = 0;  ///< of the first plan, for the report
    bool was_needed = false;
    std::optional<std::string> refusal;
};

class Writer {
public:
    Writer(Client& client, const std::vector<StudyRecord>& studies) : m_client{client}
    {
        for (const auto& study : studies) {
            m_plans.emplace_back().study = &study;
        }
    }

    /// Compares with a fresh export. Afterwards each plan holds what is still to be written.
    void plan()
    {
        const auto stored = read();
        for (auto& plan : m_plans) {
            if (plan.refusal) {
                continue;
            }
            const auto found = stored.find(plan.study->study);
            const auto there = found == stored.end() ? StoredStudy{} : found->second;
            plan.rows = missing_rows(*plan.study, there);
            plan.chooses_numbers = !has_all_series(*plan.study, there);
            note_first_plan(plan);
        }
    }

    /// After an import that REDCap confirmed only the numbers are looked at again: a value that
    /// REDCap stores in another form (it filters markup) must not be written for ever.
    void confirm_numbers()
    {
        const auto stored = read();
        for (auto& plan : m_plans) {
            const auto found = stored.find(plan.study->study);
            const auto there = found == stored.end() ? StoredStudy{} : found->second;
            plan.chooses_numbers = !plan.refusal && !has_all_series(*plan.study, there);
            plan.rows =
                plan.chooses_numbers ? missing_rows(*plan.study, there) : std::vector<Row>{};
            if (plan.chooses_numbers) {
                log::warn("series_number_was_taken", {{"study", plan.study->study}});
            }
        }
    }

    void write()
    {
        std::vector<Row> rows;
        for (const auto& plan : m_plans) {
            rows.insert(rows.end(), plan.rows.begin(), plan.rows.end());
        }
        for (const auto& item : import_each(m_client, rows, Overwrite::normal)) {
            const auto plan = std::ranges::find_if(m_plans, [&](const Plan& candidate) {
                return candidate.study->study.str() == item.record;
            });
            plan->refusal = item.reason;
            plan->rows.clear();
        }
    }

    [[nodiscard]] bool has_rows() const
    {
        return std::ranges::any_of(m_plans, [](const Plan& plan) { return !plan.rows.empty(); });
    }
    [[nodiscard]] bool has_chosen_numbers() const
    {
        return std::ranges::any_of(
            m_plans, [](const Plan& plan) { return plan.chooses_numbers && !plan.refusal; });
    }

    [[nodiscard]] Recorded result() const
    {
        Recorded recorded;
        for (const auto& plan : m_plans) {
            if (plan.refusal) {
                recorded.refused.push_back({plan.study->study, *plan.refusal});
            } else if (plan.was_needed) {
                recorded.written.push_back(plan.study->study);
                recorded.series_rows += plan.series_rows;
            } else {
                recorded.unchanged.push_back(plan.study->study);
            }
        }
        return recorded;
    }

private:
    [[nodiscard]] std::map<StudyUid, StoredStudy> read()
    {
        ExportSpec spec;
        for (const auto& plan : m_plans) {
            spec.records.push_back(plan.study->study.str());
        }
        spec.source = ExportSpec::Source::server;
        // The whole form of series, because an instance with a blank UID still occupies its number.
        spec.forms = {std::string{study_form}, std::string{series_form}};
        return stored_studies(m_client.export_records(spec));
    }

    static void note_first_plan(Plan& plan)
    {
        if (!plan.was_needed && !plan.rows.empty()) {
            plan.was_needed = true;
            plan.series_rows = static_cast<std::size_t>(std::ranges::count_if(
                plan.rows, [](const Row& row) { return row.instrument == series_form; }));
        }
    }

    Client& m_client;
    std::vector<Plan> m_plans;
};

} // namespace

std::size_t Incoming::record(const StudyRecord& study)
{
    const auto recorded = record_all({study});
    if (!recorded.refused.empty()) {
        throw Error{Fault::data, "study {}: {}", study.study, recorded.refused.front().reason};
    }
    return recorded.series_rows;
}

Recorded Incoming::record_all(const std::vector<StudyRecord>& studies, Mode mode)
{
    if (studies.empty()) { // no records in a request means all of them
        return {};
    }
    std::optional<StudyLocks> locks;
    if (mode == Mode::apply) {
        std::vector<StudyUid> uids;
        uids.reserve(studies.size());
        for (const auto& study : studies) {
            uids.push_back(study.study);
        }
        locks.emplace(m_locks, std::move(uids));
    }
    Writer writer{m_client, studies};
    writer.plan();
    constexpr unsigned max_rounds = 5;
    for (unsigned round = 1; mode == Mode::apply && writer.has_rows(); ++round) {
        bool confirmed = false;
        try {
            writer.write();
            confirmed = true;
        } catch (const Error& e) {
            // The answer was lost: what we wrote may be there. Look before writing again.
            if (!may_have_happened(e) || round == max_rounds) {
                throw;
            }
            log::debug("import_unconfirmed", {{"round", round}, {"reason", e.what()}});
        }
        if (!confirmed) {
            writer.plan();
        } else if (writer.has_chosen_numbers()) {
            writer.confirm_numbers();
        } else {
            break;
        }
        if (round == max_rounds && writer.has_rows()) {
            throw Error{Fault::protocol, "REDCap does not keep the instances that it confirms"};
        }
    }
    return writer.result();
}

} // namespace fiona::redcap
