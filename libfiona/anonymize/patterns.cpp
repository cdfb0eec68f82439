// SPDX-License-Identifier: MIT
#include "libfiona/anonymize/patterns.h"

#include "libfiona/base/dates.h"
#include "libfiona/base/national_id.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>

namespace fiona::anonymize {

namespace {

using Ranges = std::vector<Range>;

bool is_word(char c)
{
    return is_word_letter(c) || is_digit(c);
}

/// The run of digits that begins at `at`.
std::size_t digits_at(std::string_view text, std::size_t at)
{
    std::size_t count = 0;
    while (at + count < text.size() && is_digit(text[at + count])) {
        ++count;
    }
    return count;
}

bool starts_word(std::string_view text, std::size_t at)
{
    return at == 0 || !is_word(text[at - 1]);
}

/// Eleven digits, or six and five with one separator between.
void find_national_ids(std::string_view text, Ranges& found)
{
    for (std::size_t at = 0; at < text.size(); ++at) {
        if (!is_digit(text[at]) || (at > 0 && is_digit(text[at - 1]))) {
            continue;
        }
        const auto first = digits_at(text, at);
        std::string digits{text.substr(at, first)};
        auto end = at + first;
        if (first == 6 && end < text.size()
            && std::string_view{" -."}.find(text[end]) != std::string_view::npos) {
            const auto second = digits_at(text, end + 1);
            digits += text.substr(end + 1, second);
            end += 1 + second;
        }
        if (digits.size() == 11 && is_norwegian_id(digits)) {
            found.push_back({at, end});
        }
        at += first - 1;
    }
}

bool is_address_character(char c)
{
    return is_word(c) || std::string_view{"._%+-"}.find(c) != std::string_view::npos;
}

void find_addresses(std::string_view text, Ranges& found)
{
    for (auto at = text.find('@'); at != std::string_view::npos; at = text.find('@', at + 1)) {
        auto begin = at;
        while (begin > 0 && is_address_character(text[begin - 1])) {
            --begin;
        }
        auto end = at + 1;
        while (end < text.size() && is_address_character(text[end])) {
            ++end;
        }
        if (begin < at && text.substr(at, end - at).find('.') != std::string_view::npos) {
            found.push_back({begin, end});
        }
    }
    constexpr std::array<std::string_view, 2> marks{"://", "www."};
    for (const auto mark : marks) {
        for (auto at = text.find(mark); at != std::string_view::npos;
             at = text.find(mark, at + 1)) {
            const auto blank = text.rfind(' ', at);
            found.push_back({blank == std::string_view::npos ? 0 : blank + 1,
                             std::min(text.find(' ', at), text.size())});
        }
    }
}

/// Digits with blanks, dashes or brackets between them, from `at`; where they end, and how many.
struct Number {
    std::size_t end = 0;
    std::size_t digits = 0;
};
Number spaced_digits(std::string_view text, std::size_t at)
{
    Number number{at, 0};
    for (; at < text.size(); ++at) {
        if (is_digit(text[at])) {
            ++number.digits;
            number.end = at + 1;
        } else if (std::string_view{" -()/."}.find(text[at]) == std::string_view::npos) {
            break;
        }
    }
    return number;
}

void find_telephones(std::string_view text, Ranges& found)
{
    for (auto at = text.find('+'); at != std::string_view::npos; at = text.find('+', at + 1)) {
        const auto number = spaced_digits(text, at + 1);
        if (number.digits >= 8 && number.digits <= 15) {
            found.push_back({at, number.end});
        }
    }
    constexpr std::array<std::string_view, 10> words{
        "tlf", "telefon", "telephone", "tel", "phone", "mobil", "mobile", "mob", "fax", "call"};
    for (const auto word : words) {
        for (auto at = text.find(word); at != std::string_view::npos;
             at = text.find(word, at + 1)) {
            auto start = at + word.size();
            while (start < text.size()
                   && std::string_view{" .:nr#"}.find(text[start]) != std::string_view::npos) {
                ++start;
            }
            const auto number = spaced_digits(text, start);
            if (starts_word(text, at) && number.digits >= 5) {
                found.push_back({at, number.end});
            }
        }
    }
}

bool is_plausible(int year, int month, int day)
{
    const bool day_and_month = day >= 1 && day <= 31 && month >= 1 && month <= 12;
    return day_and_month && ((year >= 1880 && year <= 2099) || (year >= 0 && year <= 99));
}

int number_of(std::string_view digits)
{
    int value = 0;
    for (const char c : digits) {
        value = value * 10 + (c - '0');
    }
    return value;
}

/// d.m.yyyy, yyyy-mm-dd, mm/dd/yy and the like: three runs of digits and twice the same separator.
std::optional<std::size_t> separated_date(std::string_view text, std::size_t at)
{
    std::array<std::string_view, 3> parts;
    char separator = '\0';
    for (std::size_t i = 0; i < parts.size(); ++i) {
        const auto count = digits_at(text, at);
        if (count == 0 || count > 4) {
            return std::nullopt;
        }
        parts.at(i) = text.substr(at, count);
        at += count;
        if (i < 2) {
            if (at >= text.size()
                || std::string_view{"./-"}.find(text[at]) == std::string_view::npos
                || (i == 1 && text[at] != separator)) {
                return std::nullopt;
            }
            separator = text[at++];
        }
    }
    if (at < text.size() && text[at] == separator && digits_at(text, at + 1) > 0) {
        return std::nullopt; // four numbers: an address, a version, a UID
    }
    const auto first = number_of(parts[0]);
    const auto second = number_of(parts[1]);
    const auto third = number_of(parts[2]);
    const bool year_first = parts[0].size() == 4 && is_plausible(first, second, third);
    const bool year_last =
        (parts[2].size() == 4 || (parts[2].size() == 2 && parts[1].size() == 2))
        && parts[0].size() <= 2
        && (is_plausible(third, second, first) || is_plausible(third, first, second));
    return year_first || year_last ? std::optional{at} : std::nullopt;
}

/// English, the Scandinavian languages and German, folded.
bool is_month(std::string_view word)
{
    constexpr std::array<std::string_view, 44> months{
        "jan",      "januar",   "january", "januari",  "feb",  "februar",   "february", "februari",
        "mar",      "mars",     "march",   "marts",    "marz", "apr",       "april",    "mai",
        "may",      "maj",      "jun",     "juni",     "june", "jul",       "juli",     "july",
        "aug",      "august",   "augusti", "sep",      "sept", "september", "okt",      "oct",
        "oktober",  "october",  "nov",     "november", "des",  "dec",       "dez",      "desember",
        "december", "dezember", "maerz",   "mrz"};
    constexpr std::size_t shortest = 3;
    constexpr std::string_view initials = "jfmasond"; // few words get further
    return word.size() >= shortest && initials.find(word.front()) != std::string_view::npos
           && std::ranges::find(months, word) != months.end();
}

/// "12. mars 2019", "march 12, 2019": a month by name with a year behind it.
void find_written_dates(std::string_view text, Ranges& found)
{
    for (std::size_t at = 0; at < text.size(); ++at) {
        // "12MAR2019" is written without a blank.
        if (!is_word_letter(text[at]) || (at > 0 && is_word_letter(text[at - 1]))) {
            continue;
        }
        auto end = at;
        while (end < text.size() && is_word_letter(text[end])) {
            ++end;
        }
        if (is_month(text.substr(at, end - at))) {
            auto stop = end;
            bool year = false;
            while (stop < text.size()
                   && (is_digit(text[stop])
                       || std::string_view{" .,-/"}.find(text[stop]) != std::string_view::npos)) {
                const auto count = digits_at(text, stop);
                const auto number = count == 4 ? number_of(text.substr(stop, count)) : 0;
                year = year || (number >= 1880 && number <= 2099);
                stop += std::max<std::size_t>(count, 1);
            }
            auto begin = at;
            while (
                begin > 0
                && (is_digit(text[begin - 1])
                    || std::string_view{" .-/"}.find(text[begin - 1]) != std::string_view::npos)) {
                --begin;
            }
            if (year) {
                found.push_back({begin, stop});
            }
        }
        at = end;
    }
}

/// YYYYMMDD of a living person's time.
bool is_compact_date(std::string_view digits)
{
    const auto year = number_of(digits.substr(0, 4));
    return year >= 1880 && year <= 2099 && parse_da(digits).has_value();
}

void find_dates(std::string_view text, Ranges& found)
{
    for (std::size_t at = 0; at < text.size(); ++at) {
        if (!is_digit(text[at]) || (at > 0 && is_digit(text[at - 1]))) {
            continue;
        }
        if (at > 1 && text[at - 1] == '.' && is_digit(text[at - 2])) {
            continue; // inside a dotted number
        }
        if (const auto end = separated_date(text, at)) {
            found.push_back({at, *end});
        }
        // YYYYMMDD, also with a time of day behind it, and DDMMYYYY.
        const auto count = digits_at(text, at);
        const bool is_date_and_time = count == 8 || count == 12 || count == 14;
        if ((is_date_and_time && is_compact_date(text.substr(at, 8)))
            || (count == 8
                && is_compact_date(fmt::format("{}{}{}", text.substr(at + 4, 4),
                                               text.substr(at + 2, 2), text.substr(at, 2))))) {
            found.push_back({at, at + count});
        }
    }
}

bool is_capital_at(const Folded& text, std::size_t at)
{
    const auto c = static_cast<unsigned char>(text.source[text.origin[at]]);
    return (c >= 'A' && c <= 'Z') || c >= 0x80;
}

/// Up to three capitalised words behind a title.
void find_titled_names(const Folded& folded, Ranges& found)
{
    constexpr std::array<std::string_view, 14> titles{
        "dr.", "dr",  "prof.", "prof",       "professor", "overlege", "lege",
        "mr.", "mrs", "mrs.",  "sykepleier", "fru",       "hr.",      "ms."};
    const std::string_view text{folded.text};
    for (const auto title : titles) {
        for (auto at = text.find(title); at != std::string_view::npos;
             at = text.find(title, at + 1)) {
            auto end = at + title.size();
            if (!starts_word(text, at)
                || (end < text.size() && is_word(text[end]) && title.back() != '.')) {
                continue;
            }
            const auto begin = at;
            std::size_t words = 0;
            for (auto next = end; words < 3; ++words) {
                while (next < text.size() && (text[next] == ' ' || text[next] == '.')) {
                    ++next;
                }
                if (next >= text.size() || !is_word_letter(text[next])
                    || !is_capital_at(folded, next)) {
                    break;
                }
                while (next < text.size()
                       && (is_word_letter(text[next]) || text[next] == '-' || text[next] == '\'')) {
                    ++next;
                }
                end = next;
            }
            if (words > 0) {
                found.push_back({begin, end});
            }
        }
    }
}

} // namespace

Ranges find_dotted_runs(std::string_view text, std::size_t least_dots, std::size_t least_bytes)
{
    Ranges found;
    for (std::size_t at = 0; at < text.size();) {
        if (!is_digit(text[at])) {
            ++at;
            continue;
        }
        auto end = at;
        std::size_t dots = 0;
        while (end < text.size() && (is_digit(text[end]) || text[end] == '.')) {
            dots += text[end] == '.' ? 1U : 0U;
            ++end;
        }
        if (dots >= least_dots && end - at >= least_bytes) {
            found.push_back({at, end});
        }
        at = end;
    }
    return found;
}

Ranges find_patterns(const Folded& folded)
{
    const std::string_view text{folded.text};
    // Long UIDs name a study or a machine; short dotted numbers are versions.
    auto found = find_dotted_runs(text, 5, 18);
    find_national_ids(text, found);
    find_addresses(text, found);
    find_telephones(text, found);
    find_dates(text, found);
    find_written_dates(text, found);
    find_titled_names(folded, found);
    return found;
}

} // namespace fiona::anonymize
