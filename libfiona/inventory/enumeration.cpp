// SPDX-License-Identifier: MIT
#include "libfiona/inventory/enumeration.h"

#include "libfiona/inventory/patient_walk.h"
#include "libfiona/inventory/questions.h"

#include <algorithm>

namespace fiona::inventory {

namespace {

using std::chrono::days;
using std::chrono::sys_days;
using std::chrono::year;

constexpr sys_days oldest = year{1900} / 1 / 1;
constexpr days future{100}; // dates are shifted when studies are de-identified

class Enumerator {
public:
    Enumerator(Questions& questions, const Scope& scope) : m_questions{questions}, m_scope{scope} {}

    void go(sys_days today)
    {
        const Days asked{m_scope.first, m_scope.last};
        if (m_questions.ask({asked}).is_whole) {
            return;
        }
        if (!asked.is_all()) {
            const auto last = asked.last.value_or(today + future);
            halves(asked.first.value_or(oldest), last);
            if (!asked.last) {
                days_of({last + days{1}, std::nullopt});
            }
        } else {
            days_of({std::nullopt, oldest - days{1}});
            days_of({oldest, today + future});
            days_of({today + future + days{1}, std::nullopt});
        }
        by_patient(asked);
    }

private:
    [[nodiscard]] bool is_of_one_patient() const
    {
        const auto id = m_scope.keys.find("PatientID");
        return id != m_scope.keys.end() && !id->second.empty();
    }

    /// One walk for all that the days leave: studies without a date, and the busy days.
    void by_patient(const Days& asked)
    {
        if (is_of_one_patient()) {
            for (const auto& busy : m_busy) {
                m_questions.gap(busy, "one patient has more studies than the PACS answers");
            }
        } else if (asked.is_all() || !m_busy.empty()) {
            const auto answers = PatientWalk{m_questions, m_busy}.go(around_busy(asked));
            constexpr auto* how = "the first characters of PatientID";
            if (asked.is_all()) {
                m_questions.compare({}, m_has_any, answers, how);
            }
            for (const auto& busy : m_busy) {
                m_questions.compare(busy, true, answers, how);
            }
        }
    }

    /// As small as can be if no study without a date is looked for.
    [[nodiscard]] Days around_busy(const Days& asked) const
    {
        if (asked.is_all()) {
            return {};
        }
        auto all = m_busy.front();
        for (const auto& busy : m_busy) {
            all.first = std::min(all.first, busy.first); // none is the least: open at that end
            all.last = all.last && busy.last ? std::max(all.last, busy.last) : std::nullopt;
        }
        return all;
    }

    /// Returns whether it has any studies.
    bool days_of(const Days& range)
    {
        const auto told = m_questions.ask({range});
        m_has_any = m_has_any || told.has_any();
        if (!told.is_whole) {
            split(range, told);
        }
        return told.has_any();
    }

    void split(const Days& range, const Told& told)
    {
        if (range.is_open() || range.is_one_day()) {
            m_busy.push_back(range);
            return;
        }
        const bool has_dated = told.dated > 0 || told.is_refused;
        m_questions.compare(range, has_dated, halves(*range.first, *range.last) ? 1 : 0, "date");
    }

    bool halves(sys_days first, sys_days last)
    {
        if (first == last) {
            m_busy.push_back({first, last});
            return true;
        }
        const auto middle = first + (last - first) / 2;
        const bool is_in_first = days_of({first, middle});
        return days_of({middle + days{1}, last}) || is_in_first;
    }

    Questions& m_questions;
    const Scope& m_scope;
    std::vector<Days> m_busy;
    bool m_has_any = false;
};

} // namespace

Coverage enumerate_studies(pacs::QuerySession& session, const Scope& scope, sys_days today,
                           const Patience& patience,
                           const std::function<void(const pacs::Keys&)>& on_study)
{
    Questions questions{session, scope, patience, on_study};
    Enumerator{questions, scope}.go(today);
    return questions.coverage();
}

} // namespace fiona::inventory
