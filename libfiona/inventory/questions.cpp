// SPDX-License-Identifier: MIT
#include "libfiona/inventory/questions.h"

#include "libfiona/base/dates.h"
#include "libfiona/base/error.h"
#include "libfiona/base/ids.h"
#include "libfiona/base/log.h"
#include "libfiona/base/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <set>
#include <utility>

namespace fiona::inventory {

namespace {

using std::chrono::sys_days;

bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool can_be_asked(std::string_view id)
{
    return std::ranges::all_of(
        id, [](char c) { return c >= ' ' && c < '\x7f' && c != '*' && c != '?' && c != '\\'; });
}

bool is_inside(const Days& range, std::string_view prefix, const pacs::Keys& study)
{
    const auto day = parse_da(study.at("StudyDate"));
    const bool is_dated = range.is_all() || !day
                          || ((!range.first || *range.first <= sys_days{*day})
                              && (!range.last || sys_days{*day} <= *range.last));
    return is_dated && lower_case(study.at("PatientID")).starts_with(lower_case(prefix));
}

} // namespace

std::string Days::text() const
{
    if (is_one_day()) {
        return format_da(*first);
    }
    const auto part = [](const auto& day) { return day ? format_da(*day) : std::string{}; };
    return is_all() ? "" : part(first) + "-" + part(last);
}

Questions::Questions(pacs::QuerySession& session, const Scope& scope, const Patience& patience,
                     const OnStudy& on_study)
    : m_session{session}, m_scope{scope}, m_patience{patience}, m_on_study{on_study},
      m_queries_before{session.queries()}
{
}

pacs::Keys Questions::keys_of(const Question& question) const
{
    pacs::Keys keys;
    if (question.detail == Detail::everything) {
        keys = m_scope.keys;
    } else { // counts and modalities of a study cost a PACS more than all the rest
        std::ranges::copy_if(m_scope.keys, std::inserter(keys, keys.end()),
                             [](const auto& key) { return !key.second.empty(); });
        keys.insert({{"StudyInstanceUID", ""}, {"PatientID", ""}});
    }
    keys["StudyDate"] = question.days.text();
    if (!question.patient.empty()) {
        keys["PatientID"] =
            question.match == Match::prefix ? question.patient + "*" : question.patient;
    }
    return keys;
}

Told Questions::ask(const Question& question)
{
    Told told;
    const auto result =
        m_session.find(pacs::Level::study, keys_of(question), [&](const pacs::Keys& study) {
            take(question, study, told);
            return pacs::Next::more;
        });
    using enum pacs::Ending;
    const bool is_over_limit =
        m_patience.max_answers != 0 && told.answers >= m_patience.max_answers;
    told.is_cut = result.ending == cancelled;
    told.is_refused = result.ending == out_of_resources || result.ending == unable;
    told.is_whole = result.ending == complete && !is_over_limit && !is_suspicious(told.answers);
    m_most_answers = std::max(m_most_answers, told.answers);
    judge(result, told);
    fetch_rest();
    if (!told.is_whole && told.foreign > 0) { // smaller questions would get the same answers
        gap(question.days, "the PACS ignores what is asked for");
        told.is_whole = true;
    }
    return told;
}

void Questions::take(const Question& question, const pacs::Keys& study, Told& told)
{
    const auto& id = study.at("PatientID");
    ++told.answers;
    told.dated += study.at("StudyDate").empty() ? 0U : 1U;
    told.foreign += is_inside(question.days, question.patient, study) ? 0U : 1U;
    told.exact += id.starts_with(question.patient) ? 1U : 0U;
    if (m_patient.empty() && std::ranges::any_of(id, is_letter) && can_be_asked(id)) {
        m_patient = id;
    }
    const auto& uid = study.at("StudyInstanceUID");
    if (!m_seen.add(uid)) {
        return;
    }
    if (question.detail == Detail::everything) {
        ++m_coverage.studies;
        m_on_study(study);
    } else if (is_uid(uid)) {
        m_unfetched.push_back(uid);
    } else {
        gap({}, "a study without a legal StudyInstanceUID");
    }
}

/// Some archives cut their answers at a round number and say that it was all; not at one below what
/// they have answered before.
bool Questions::is_suspicious(std::size_t answers) const
{
    constexpr std::size_t step = 50;
    return answers >= 2 * step && answers % step == 0 && answers >= m_most_answers;
}

void Questions::judge(const pacs::FindResult& result, const Told& told)
{
    if (result.ending == pacs::Ending::refused) {
        throw Error{Fault::protocol, "{} answers a query with status {:04X}",
                    m_session.peer().called_aet, result.status};
    }
    m_refusals = result.ending == pacs::Ending::complete || told.answers > 0 ? 0 : m_refusals + 1;
    if (m_refusals > m_patience.max_refusals) {
        throw Error{Fault::temporary,
                    "{} answers no query, however little is asked: {}; try again later",
                    m_session.peer().called_aet, pacs::describe(result.ending, result.status)};
    }
    m_coverage.splits += told.is_whole ? 0U : 1U;
}

/// PS3.4 §C.2.2.2.2: a list of UIDs. A PACS that cannot do lists answers less, and is asked for each.
void Questions::fetch_rest()
{
    constexpr std::size_t studies_at_once = 50;
    const auto all = std::exchange(m_unfetched, {});
    for (std::size_t at = 0; at < all.size(); at += studies_at_once) {
        const auto first = all.begin() + static_cast<std::ptrdiff_t>(at);
        const auto count = std::min(studies_at_once, all.size() - at);
        fetch({first, first + static_cast<std::ptrdiff_t>(count)});
    }
}

void Questions::fetch(const std::vector<std::string>& studies)
{
    std::set<std::string> missing{studies.begin(), studies.end()};
    const auto ask_for = [&](const std::string& list) {
        auto keys = m_scope.keys;
        keys["StudyInstanceUID"] = list;
        return m_session.find(pacs::Level::study, keys, [&](const pacs::Keys& study) {
            if (missing.erase(study.at("StudyInstanceUID")) > 0) {
                ++m_coverage.studies;
                m_on_study(study);
            }
            return pacs::Next::more;
        });
    };
    static_cast<void>(ask_for(fmt::format("{}", fmt::join(studies, "\\"))));
    for (const auto& study : std::set<std::string>{missing}) {
        const auto result = ask_for(study);
        if (result.answers == 0 && result.ending != pacs::Ending::complete) {
            gap({}, "the PACS tells nothing of some studies it has"); // complete: it has left since
        }
    }
}

bool Questions::ignores_case()
{
    if (!m_ignores_case && !m_patient.empty()) {
        auto other = m_patient;
        std::ranges::transform(other, other.begin(), [](char c) {
            constexpr int distance = 'a' - 'A';
            return is_letter(c) ? static_cast<char>(c >= 'a' ? c - distance : c + distance) : c;
        });
        bool is_found = false;
        static_cast<void>(m_session.find(
            pacs::Level::study, keys_of({{}, other, Match::exactly, Detail::identity}),
            [&](const pacs::Keys& study) {
                is_found = is_found || study.at("PatientID") == m_patient;
                return pacs::Next::more;
            }));
        m_ignores_case = is_found;
    }
    return m_ignores_case.value_or(false);
}

void Questions::gap(const Days& days, std::string_view why)
{
    constexpr std::size_t max_gaps = 20;
    auto text = fmt::format("{}: {}", days.name(), why);
    auto& gaps = m_coverage.gaps;
    if (std::ranges::find(gaps, text) != gaps.end()) {
        return;
    }
    log::warn("inventory_gap", {{"dates", days.name()}, {"reason", why}});
    if (gaps.size() < max_gaps) {
        gaps.push_back(std::move(text));
    }
}

void Questions::compare(const Days& days, bool has_any, std::size_t parts, std::string_view how)
{
    if (has_any && parts == 0) {
        gap(days, fmt::format("the PACS does not search by {}", how));
    }
}

Coverage Questions::coverage() const
{
    auto coverage = m_coverage;
    coverage.queries = m_session.queries() - m_queries_before;
    return coverage;
}

} // namespace fiona::inventory
