// SPDX-License-Identifier: MIT
#include "libfiona/inventory/patient_walk.h"

#include <algorithm>

namespace fiona::inventory {

namespace {

constexpr std::size_t max_prefix = 64; // of a PatientID, VR LO (PS3.5 §6.2)
constexpr std::string_view too_many = "one patient has more studies than the PACS answers";

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

bool is_lower(char c)
{
    return c >= 'a' && c <= 'z';
}

/// The same letter in the other case; `c` if it is no letter.
char other_case(char c)
{
    constexpr int distance = 'a' - 'A';
    if (is_lower(c)) {
        return static_cast<char>(c - distance);
    }
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + distance) : c;
}

} // namespace

PatientWalk::PatientWalk(Questions& questions, const std::vector<Days>& busy)
    : m_questions{questions}, m_busy{busy}
{
}

std::size_t PatientWalk::go(const Days& range)
{
    m_range = range;
    return below("");
}

/// All whose PatientID begins with `prefix` and is longer, by the next character.
std::size_t PatientWalk::below(const std::string& prefix)
{
    static const auto characters = next_characters();
    std::size_t total = 0;
    Siblings all;
    for (const char next : characters) {
        if (prefix.empty() && next == ' ') {
            continue; // leading blanks mean nothing (PS3.5 §6.2): it would ask for everything
        }
        const auto told = m_questions.ask(
            {m_range, prefix + next, Questions::Match::prefix, Questions::Detail::identity});
        total += told.answers;
        all.exact += told.exact;
        if (!told.is_whole) {
            all.cut.push_back({next, told});
        }
    }
    for (const auto& one : all.cut) {
        if (!is_explained(one, all)) {
            const auto parts = deeper(prefix + one.next);
            m_questions.compare(m_range, one.told.has_any(), parts,
                                "the first characters of PatientID");
            total += parts;
        }
    }
    return total;
}

std::size_t PatientWalk::deeper(const std::string& prefix)
{
    const auto one_patient = [&](const Days& days) {
        return m_questions.ask(
            {days, prefix, Questions::Match::exactly, Questions::Detail::identity});
    };
    auto told = one_patient(m_range);
    auto total = told.answers;
    if (!told.is_whole) { // its studies with a date have been found by that, but for the busy days
        for (const auto& days : m_busy) {
            told = one_patient(days);
            total += told.answers;
            if (!told.is_whole) {
                m_questions.gap(days, too_many);
            }
        }
    }
    return prefix.size() >= max_prefix ? total : total + below(prefix);
}

/// Whether what is cut is found below another of `all`. Without this a PACS that does not tell upper
/// from lower case would be asked for every spelling of every word.
bool PatientWalk::is_explained(const Cut& one, const Siblings& all)
{
    const auto other = other_case(one.next);
    const bool is_letter = other != one.next;
    const auto twin = std::ranges::find(all.cut, other, &Cut::next);
    const bool has_twin = is_letter && twin != all.cut.end();
    if (one.told.answers > 0 && one.told.exact == 0) {
        return is_letter; // answered in the other case, and split there
    }
    if (one.told.answers == 0 && one.told.is_cut) {
        // SQL's wildcards match all of the others: do these fill the limit?
        const bool is_of_sql = one.next == '%' || one.next == '_';
        return (has_twin && twin->told.exact > 0)
               || (is_of_sql && all.exact >= m_questions.most_answers());
    }
    return is_lower(one.next) && has_twin && m_questions.ignores_case();
}

} // namespace fiona::inventory
