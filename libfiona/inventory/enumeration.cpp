// SPDX-License-Identifier: MIT
#include "libfiona/inventory/enumeration.h"

#include "libfiona/base/error.h"
#include "libfiona/base/log.h"
#include "libfiona/base/text.h"
#include "libfiona/inventory/distinct.h"

#include <fmt/format.h>

#include <algorithm>

namespace fiona::inventory {

namespace {

using std::chrono::days;
using std::chrono::sys_days;
using std::chrono::year;

constexpr sys_days oldest = year{1900} / 1 / 1;
constexpr days future{100};            // dates are shifted when studies are de-identified
constexpr std::size_t max_prefix = 64; // of a PatientID, VR LO (PS3.5 §6.2)

/// Some archives cut their answers at such a number and say that it was all.
bool is_suspiciously_round(std::size_t answers)
{
    constexpr std::size_t step = 50;
    return answers >= 2 * step && answers % step == 0;
}

/// Everything a PatientID may begin with that is no wildcard (PS3.4 §C.2.2.2.4) and no separator.
std::string next_characters()
{
    std::string all;
    for (char c = ' '; c < '\x7f'; ++c) {
        if (c != '*' && c != '?' && c != '\\') {
            all += c;
        }
    }
    return all;
}

struct Days {
    std::optional<sys_days> first, last; ///< neither: every study; one: open at the other end

    [[nodiscard]] bool is_all() const { return !first && !last; }
    [[nodiscard]] bool is_open() const { return first.has_value() != last.has_value(); }
    [[nodiscard]] bool is_one_day() const { return first && first == last; }

    /// PS3.4 §C.2.2.2.5
    [[nodiscard]] std::string text() const
    {
        if (is_one_day()) {
            return format_da(*first);
        }
        const auto part = [](const auto& day) { return day ? format_da(*day) : std::string{}; };
        return is_all() ? "" : part(first) + "-" + part(last);
    }
};

/// What one query told.
struct Told {
    std::size_t answers = 0;
    std::size_t dated = 0;
    std::size_t foreign = 0; ///< outside of what was asked
    std::size_t exact = 0;   ///< begin with what was asked for in upper and lower case too
    bool is_whole = false;
    bool is_cut = false; ///< FE00
};

bool is_inside(const Days& range, std::string_view prefix, const pacs::Keys& study)
{
    const auto& id = study.at("PatientID");
    const auto day = parse_da(study.at("StudyDate"));
    const bool is_dated = range.is_all() || !day
                          || ((!range.first || *range.first <= sys_days{*day})
                              && (!range.last || sys_days{*day} <= *range.last));
    return is_dated && lower_case(id).starts_with(lower_case(prefix));
}

class Enumerator {
public:
    Enumerator(pacs::QuerySession& session, const Scope& scope, const Patience& patience,
               const std::function<void(const pacs::Keys&)>& on_study)
        : m_session{session}, m_scope{scope}, m_patience{patience}, m_on_study{on_study}
    {
    }

    Coverage go(sys_days today)
    {
        const auto before = m_session.queries();
        if (m_scope.first || m_scope.last) {
            const Days asked{m_scope.first, m_scope.last};
            if (!ask(asked, {}).is_whole) {
                halves(asked.first.value_or(oldest), asked.last.value_or(today + future));
            }
        } else if (!ask({}, {}).is_whole) {
            days_of({std::nullopt, oldest - days{1}});
            days_of({oldest, today + future});
            days_of({today + future + days{1}, std::nullopt});
            if (is_prefix_free()) {
                m_is_second_look = true;
                patients({}, "", 1);
            }
        }
        m_coverage.studies = m_seen.size();
        m_coverage.queries = m_session.queries() - before;
        return m_coverage;
    }

private:
    [[nodiscard]] bool is_prefix_free() const
    {
        const auto id = m_scope.keys.find("PatientID");
        return id == m_scope.keys.end() || id->second.empty();
    }

    enum class Match { prefix, exactly };

    Told ask(const Days& range, const std::string& patient, Match match = Match::prefix)
    {
        auto keys = m_scope.keys;
        keys["StudyDate"] = range.text();
        if (!patient.empty()) {
            keys["PatientID"] = match == Match::prefix ? patient + "*" : patient;
        }
        Told told;
        const auto result = m_session.find(pacs::Level::study, keys, [&](const pacs::Keys& study) {
            ++told.answers;
            told.dated += study.at("StudyDate").empty() ? 0U : 1U;
            told.foreign += is_inside(range, patient, study) ? 0U : 1U;
            told.exact += study.at("PatientID").starts_with(patient) ? 1U : 0U;
            if (m_seen.add(study.at("StudyInstanceUID"))) {
                m_on_study(study);
            }
            return pacs::Next::more;
        });
        const bool is_cut = m_patience.max_answers != 0 && told.answers >= m_patience.max_answers;
        told.is_cut = result.ending == pacs::Ending::cancelled;
        told.is_whole = result.ending == pacs::Ending::complete && !is_cut
                        && !is_suspiciously_round(told.answers);
        judge(result, told);
        if (!told.is_whole && told.foreign > 0) { // smaller questions would get the same answers
            gap(range, "the PACS ignores what is asked for");
            told.is_whole = true;
        }
        return told;
    }

    void judge(const pacs::FindResult& result, const Told& told)
    {
        if (result.ending == pacs::Ending::refused) {
            throw Error{Fault::protocol, "{} answers a query with status {:04X}",
                        m_session.peer().called_aet, result.status};
        }
        m_refusals =
            result.ending == pacs::Ending::complete || told.answers > 0 ? 0 : m_refusals + 1;
        if (m_refusals > m_patience.max_refusals) {
            throw Error{Fault::temporary,
                        "{} answers no query, however little is asked: {}; try again later",
                        m_session.peer().called_aet, pacs::describe(result.ending, result.status)};
        }
        m_coverage.splits += told.is_whole ? 0U : 1U;
    }

    /// Parts that answer nothing while the whole did: the PACS cannot be asked that way.
    void compare(const Days& range, std::size_t whole, std::size_t parts, std::string_view how)
    {
        if (whole > 0 && parts == 0) {
            gap(range, fmt::format("the PACS does not search by {}", how));
        }
    }

    void gap(const Days& range, std::string_view why)
    {
        if (m_is_second_look) {
            return; // those with a date have been found by their date
        }
        constexpr std::size_t max_gaps = 20;
        const auto text = range.text();
        log::warn("inventory_gap", {{"dates", text.empty() ? "all" : text}, {"reason", why}});
        if (m_coverage.gaps.size() < max_gaps) {
            m_coverage.gaps.push_back(
                fmt::format("{}: {}", text.empty() ? "all dates" : text, why));
        }
    }

    /// Returns how many answers came in all.
    std::size_t days_of(const Days& range)
    {
        const auto told = ask(range, {});
        if (told.is_whole) {
            return told.answers;
        }
        if (range.is_open() || range.is_one_day()) {
            const auto parts = patients(range, "", 1);
            compare(range, told.answers, parts, "the first characters of PatientID");
            return std::max(told.answers, parts);
        }
        const auto parts = halves(*range.first, *range.last);
        compare(range, told.dated, parts, "date");
        return std::max(told.answers, parts);
    }

    std::size_t halves(sys_days first, sys_days last)
    {
        if (first == last) {
            return patients({first, last}, "", 1);
        }
        const auto middle = first + (last - first) / 2;
        return days_of({first, middle}) + days_of({middle + days{1}, last});
    }

    /// All whose PatientID begins with `prefix` and is longer, by the next character.
    std::size_t patients(const Days& range, const std::string& prefix, std::size_t length)
    {
        if (!is_prefix_free()) {
            gap(range, "one patient has more studies than the PACS answers");
            return 0;
        }
        static const auto characters = next_characters();
        std::size_t total = 0;
        for (const char next : characters) {
            if (prefix.empty() && next == ' ') {
                continue; // leading blanks mean nothing (PS3.5 §6.2): it would ask for everything
            }
            const auto longer = prefix + next;
            const auto told = ask(range, longer);
            total += told.answers;
            // Where upper and lower case are the same to the PACS, the other one is split.
            const bool is_of_other_case = told.answers > 0 && told.exact == 0;
            // Orthanc hands these two to SQL's LIKE as they are, where they match anything, counts
            // that against its limit, and then answers nothing.
            const bool is_of_sql = told.answers == 0 && told.is_cut && (next == '%' || next == '_');
            if (!told.is_whole && !is_of_other_case && !is_of_sql) {
                const auto parts = more_characters(range, longer, length);
                compare(range, told.answers, parts, "the first characters of PatientID");
            }
        }
        return total;
    }

    std::size_t more_characters(const Days& range, const std::string& prefix, std::size_t length)
    {
        const auto told = ask(range, prefix, Match::exactly);
        if (!told.is_whole || length == max_prefix) {
            gap(range, "one patient has more studies than the PACS answers");
        }
        return length == max_prefix ? told.answers
                                    : told.answers + patients(range, prefix, length + 1);
    }

    pacs::QuerySession& m_session;
    const Scope& m_scope;
    Patience m_patience;
    const std::function<void(const pacs::Keys&)>& m_on_study;
    Distinct m_seen;
    Coverage m_coverage;
    std::size_t m_refusals = 0; ///< since the last answer
    bool m_is_second_look = false;
};

} // namespace

Coverage enumerate_studies(pacs::QuerySession& session, const Scope& scope, sys_days today,
                           const Patience& patience,
                           const std::function<void(const pacs::Keys&)>& on_study)
{
    return Enumerator{session, scope, patience, on_study}.go(today);
}

} // namespace fiona::inventory
