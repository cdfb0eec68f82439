// SPDX-License-Identifier: MIT
#include "libfiona/anonymize/identity.h"

#include "libfiona/anonymize/charset.h"
#include "libfiona/anonymize/vocabulary.h"
#include "libfiona/base/ids.h"
#include "libfiona/base/text.h"

#include <algorithm>
#include <array>
#include <utility>

namespace fiona::anonymize {

namespace {

/// Between the words of a name or an address.
constexpr std::string_view separators = "^=\\ ,;:-.()/[]<>\"'_*+#&0123456789";

constexpr std::size_t least_uid_bytes = 10; // shorter ones look like versions and section numbers

bool has_digit(std::string_view text)
{
    return std::ranges::any_of(text, is_digit);
}

bool has_letter(std::string_view text)
{
    return std::ranges::any_of(text, is_word_letter);
}

std::size_t letters(std::string_view folded)
{
    return static_cast<std::size_t>(std::ranges::count_if(folded, [](char c) {
        return is_word_letter(c) && (static_cast<unsigned char>(c) & 0xc0U) != 0x80U;
    }));
}

/// Letters of a script without short words: two characters are a whole name there (CJK, Hangul).
bool is_dense_script(std::string_view folded)
{
    return std::ranges::any_of(folded,
                               [](char c) { return static_cast<unsigned char>(c) >= 0xe3; });
}

std::string without_separators(std::string_view folded)
{
    std::string text;
    std::ranges::copy_if(folded, std::back_inserter(text),
                         [](char c) { return is_word_letter(c) || is_digit(c); });
    return text;
}

} // namespace

std::string_view name_of(IdentityKind kind)
{
    switch (kind) {
    case IdentityKind::name: return "a part of a name";
    case IdentityKind::identifier: return "an identifier";
    case IdentityKind::date: return "an original date";
    case IdentityKind::place: return "an institution, department or address";
    case IdentityKind::contact: return "a telephone number or address";
    case IdentityKind::given: break;
    }
    return "a value named as identifying";
}

void IdentityCollector::add(IdentityKind kind, std::string_view utf8)
{
    if (!utf8.empty()) {
        m_values.emplace(kind, utf8);
    }
}

void IdentityCollector::add_date(std::chrono::year_month_day day)
{
    m_days.insert(day);
}

void IdentityCollector::add_uid(std::string_view uid)
{
    if (is_uid(uid)) {
        m_uids.emplace(uid);
    }
}

void IdentityCollector::merge(IdentityCollector&& other)
{
    m_values.merge(other.m_values);
    m_days.merge(other.m_days);
    m_uids.merge(other.m_uids);
}

Identity::Identity(const IdentityCollector& collected, const std::vector<std::string>& harmless)
    : m_uids{collected.m_uids}
{
    for (const auto& [kind, value] : collected.m_values) {
        const auto folded = fold_text(value);
        switch (kind) {
        case IdentityKind::name:
            add_words(kind, value, 3);
            add_short_names(value);
            for (const auto component : split(value, '^')) {
                if (has_digit(component)) { // a study's number in the place of a name
                    add_phrase(kind, fold_text(component));
                }
            }
            break;
        case IdentityKind::identifier:
            add_phrase(kind, folded);
            add_phrase(kind, without_separators(folded));
            add_number(folded);
            break;
        case IdentityKind::place:
            add_phrase(kind, folded);
            add_words(kind, value, 5);
            break;
        case IdentityKind::contact:
            add_phrase(kind, folded);
            add_phrase(kind, without_separators(folded));
            break;
        case IdentityKind::given:
        case IdentityKind::date:
            add_phrase(kind, folded);
            add_words(kind, value, 3);
            break;
        }
    }
    for (const auto& day : collected.m_days) {
        add_day(day);
    }
    // A word of our own constants cannot be told from theirs, and is none of the patient's secrets.
    m_automaton = Automaton{m_words};
    std::set<std::size_t> dropped;
    for (const auto& text : harmless) {
        const auto folded = fold(text);
        m_automaton.search(folded.text, [&](const Automaton::Match& match) {
            if (stands_alone(folded, {match.begin, match.end}, m_tokens[match.word])) {
                dropped.insert(match.word);
            }
        });
    }
    std::vector<std::string> words;
    std::vector<Token> tokens;
    for (std::size_t i = 0; i < m_words.size(); ++i) {
        if (!dropped.contains(i)) {
            words.push_back(std::move(m_words[i]));
            tokens.push_back(m_tokens[i]);
        }
    }
    m_words = std::move(words);
    m_tokens = std::move(tokens);
    m_automaton = Automaton{m_words};
}

void Identity::add_token(std::string folded, Token token)
{
    if (m_seen.insert(folded).second) {
        m_words.push_back(std::move(folded));
        m_tokens.push_back(token);
    }
}

void Identity::add_words(IdentityKind kind, const std::string& utf8, std::size_t least_letters)
{
    std::size_t at = 0;
    while (at < utf8.size()) {
        const auto begin = utf8.find_first_not_of(separators, at);
        if (begin == std::string::npos) {
            return;
        }
        const auto end = std::min(utf8.find_first_of(separators, begin), utf8.size());
        at = end;
        for (const auto& word : spellings(std::string_view{utf8}.substr(begin, end - begin))) {
            const auto count = letters(word);
            const bool enough = count >= least_letters || (is_dense_script(word) && count >= 2);
            const bool trade = is_trade_word(word);
            if (enough && !(trade && kind == IdentityKind::place)) {
                const bool certain = !trade && (count >= 4 || is_dense_script(word));
                add_token(word, {kind, certain, false, false, trade});
            }
        }
    }
}

/// Words too short to be searched alone ("Bo", "Li", one Chinese character) identify together:
/// "Bo Li", "Li, Bo", "BoLi". Within one component group of a PN only.
void Identity::add_short_names(const std::string& utf8)
{
    constexpr std::size_t most_words = 6; // of one name; the pairs grow with their square
    for (const auto group : split(utf8, '=')) {
        std::vector<std::string> words;
        std::string plain{group};
        std::ranges::replace_if(
            plain, [](char c) { return separators.find(c) != std::string_view::npos; }, ' ');
        const auto folded = fold_text(plain);
        for (const auto word : split(folded, ' ')) {
            if (words.size() < most_words && letters(word) > 0 && !is_trade_word(word)) {
                words.emplace_back(word);
            }
        }
        for (const auto& first : words) {
            for (const auto& second : words) {
                const auto least = is_dense_script(first) ? 1U : 2U;
                const bool is_short = letters(first) <= least || letters(second) <= least;
                if (&first == &second || !is_short || letters(first) < least
                    || letters(second) < least) {
                    continue;
                }
                for (const auto* const between : {" ", "", ", ", ",", "^", "-", ".", "\\"}) {
                    add_token(fmt::format("{}{}{}", first, between, second),
                              {IdentityKind::name, true, false, false, false});
                }
            }
        }
    }
}

/// The number in an identifier: without what stands around it, without leading zeros.
void Identity::add_number(const std::string& folded)
{
    constexpr std::size_t least_digits = 6; // a day without its year, a time and a size have fewer
    for (std::size_t at = 0; at < folded.size();) {
        const auto end = std::min(folded.find_first_not_of("0123456789", at), folded.size());
        const auto begin = std::min(folded.find_first_not_of('0', at), end);
        for (const auto from : {at, begin}) {
            if (end - from >= least_digits) {
                add_phrase(IdentityKind::identifier, folded.substr(from, end - from));
            }
        }
        at = end + 1;
    }
}

void Identity::add_phrase(IdentityKind kind, const std::string& folded)
{
    if (folded.empty()) {
        return;
    }
    const bool digits = !has_letter(folded);
    const auto size = without_separators(folded).size();
    // A number of three digits is everywhere; so are 00000 and the words of the trade.
    const bool one_character = folded.find_first_not_of(folded.front()) == std::string::npos;
    if (size < (digits ? 4U : 3U) || one_character || is_trade_word(folded)) {
        return;
    }
    const bool all_words_harmless = !has_digit(folded) && kind == IdentityKind::place && size < 4;
    if (!all_words_harmless) {
        add_token(folded, {kind, size >= 5, digits, false, false});
    }
}

void Identity::add_day(std::chrono::year_month_day day)
{
    const auto y = static_cast<int>(day.year());
    const auto m = static_cast<unsigned>(day.month());
    const auto d = static_cast<unsigned>(day.day());
    const Token certain{IdentityKind::date, true, true, true, false};
    for (const auto* const separator : {".", "-", "/", " "}) {
        add_token(fmt::format("{:02}{}{:02}{}{:04}", d, separator, m, separator, y), certain);
        add_token(fmt::format("{:02}{}{:02}{}{:04}", m, separator, d, separator, y), certain);
        add_token(fmt::format("{:04}{}{:02}{}{:02}", y, separator, m, separator, d), certain);
    }
    add_token(fmt::format("{:04}{:02}{:02}", y, m, d), certain);
    add_token(fmt::format("{:02}{:02}{:04}", d, m, y), certain);
    add_token(fmt::format("{:02}{:02}{:02}", d, m, y % 100),
              {IdentityKind::date, false, true, true, false});
    add_worded_day(day);
}

/// 12-MAR-1954, 12mar54, Mar 12 1954: as machines write them, in English and Norwegian.
void Identity::add_worded_day(std::chrono::year_month_day day)
{
    constexpr std::array<std::string_view, 12> english{"jan", "feb", "mar", "apr", "may", "jun",
                                                       "jul", "aug", "sep", "oct", "nov", "dec"};
    constexpr std::array<std::string_view, 12> norwegian{"jan", "feb", "mar", "apr", "mai", "jun",
                                                         "jul", "aug", "sep", "okt", "nov", "des"};
    const auto y = static_cast<int>(day.year());
    const auto m = static_cast<unsigned>(day.month());
    const auto d = static_cast<unsigned>(day.day());
    const Token certain{IdentityKind::date, true, true, true, false};
    for (const auto month : {english.at(m - 1), norwegian.at(m - 1)}) {
        for (const auto* const separator : {"", "-", " ", ".", "/"}) {
            for (const auto& number : {fmt::format("{:02}", d), fmt::format("{}", d)}) {
                add_token(fmt::format("{}{}{}{}{:04}", number, separator, month, separator, y),
                          certain);
                add_token(
                    fmt::format("{}{}{}{}{:02}", number, separator, month, separator, y % 100),
                    certain);
                add_token(fmt::format("{}{}{}{}{:04}", month, separator, number, separator, y),
                          certain);
            }
            add_token(fmt::format("{:04}{}{}{}{:02}", y, separator, month, separator, d), certain);
        }
    }
}

// Long words are found anywhere; short ones only where no letter touches them (or where a capital
// begins the next word: "OlsenKnee"), or "Ann" would be found in every "channel".
bool Identity::stands_alone(const Folded& text, const Range& range, const Token& token)
{
    constexpr std::size_t long_word = 6;
    constexpr std::size_t long_digits = 7; // an accession number behind a date is still one
    const char before = range.begin == 0 ? ' ' : text.text[range.begin - 1];
    const char after = range.end == text.text.size() ? ' ' : text.text[range.end];
    if (token.is_digits) {
        const auto size = range.end - range.begin;
        const bool datetime = token.is_date && size == 8;
        const bool long_number = !token.is_date && size >= long_digits;
        return long_number || (!is_digit(before) && (!is_digit(after) || datetime));
    }
    if (range.end - range.begin >= long_word) {
        return true;
    }
    const auto source_at = [&](std::size_t at) { return text.source[text.origin[at]]; };
    const auto is_capital = [](char c) { return c >= 'A' && c <= 'Z'; };
    const bool next_begins = is_word_letter(after) && is_capital(source_at(range.end))
                             && !is_capital(source_at(range.end - 1));
    const bool word_begins = is_word_letter(before) && is_capital(source_at(range.begin))
                             && !is_capital(source_at(range.begin - 1));
    const bool has_numbers =
        has_digit(std::string_view{text.text}.substr(range.begin, range.end - range.begin));
    const bool left =
        (!is_word_letter(before) && !(has_numbers && is_digit(before))) || word_begins;
    const bool right = (!is_word_letter(after) && !(has_numbers && is_digit(after))) || next_begins;
    return left && right;
}

std::vector<IdentityHit> Identity::find(const Folded& text) const
{
    std::vector<IdentityHit> hits;
    m_automaton.search(text.text, [&](const Automaton::Match& match) {
        const auto& token = m_tokens[match.word];
        if (stands_alone(text, {match.begin, match.end}, token)) {
            const bool touches =
                token.is_digits && !token.is_date
                && ((match.begin > 0 && is_digit(text.text[match.begin - 1]))
                    || (match.end < text.text.size() && is_digit(text.text[match.end])));
            hits.push_back({{match.begin, match.end},
                            token.kind,
                            token.is_certain,
                            token.is_digits,
                            token.is_trade_word,
                            touches});
        }
    });
    return hits;
}

bool Identity::is_original_uid(std::string_view uid) const
{
    return m_uids.contains(uid);
}

std::vector<Range> Identity::find_uids(std::string_view bytes) const
{
    std::vector<Range> found;
    for (const auto& run : find_dotted_runs(bytes, 2, least_uid_bytes)) {
        // The digits before and behind may belong to a neighbour: all whole components are tried.
        for (auto begin = run.begin; begin < run.end;) {
            for (auto end = bytes.find('.', begin); begin < run.end;) {
                end = std::min(end, run.end);
                if (end - begin >= least_uid_bytes && end - begin <= 64
                    && is_original_uid(bytes.substr(begin, end - begin))) {
                    found.push_back({begin, end});
                }
                if (end >= run.end) {
                    break;
                }
                end = bytes.find('.', end + 1);
            }
            const auto dot = bytes.find('.', begin);
            begin = dot >= run.end ? run.end : dot + 1;
        }
    }
    return found;
}

} // namespace fiona::anonymize
