// SPDX-License-Identifier: MIT
#include "libfiona/anonymize/unknown_words.h"

#include <algorithm>

namespace fiona::anonymize {

namespace {

constexpr std::size_t most_digits = 4; // of a number that says how much, not who

bool is_ascii_letter(char c)
{
    return c >= 'a' && c <= 'z';
}

bool is_consonants(std::string_view word)
{
    constexpr std::size_t longest = 4;
    return word.size() <= longest && std::ranges::all_of(word, is_ascii_letter)
           && word.find_first_of("aeiouy") == std::string_view::npos;
}

class Words {
public:
    Words(const Folded& folded, const AllowedWords& allowed) : m_folded{folded}, m_allowed{allowed}
    {
    }

    std::vector<Range> unknown()
    {
        const auto& text = m_folded.text;
        const auto in_token = [](char c) { return is_word_letter(c) || is_digit(c); };
        for (std::size_t at = 0; at < text.size();) {
            if (!in_token(text[at])) {
                ++at;
                continue;
            }
            const auto end = static_cast<std::size_t>(
                std::find_if_not(text.begin() + static_cast<std::ptrdiff_t>(at), text.end(),
                                 in_token)
                - text.begin());
            judge({at, end});
            at = end;
        }
        return std::move(m_unknown);
    }

private:
    [[nodiscard]] std::string_view at(const Range& range) const
    {
        return std::string_view{m_folded.text}.substr(range.begin, range.end - range.begin);
    }

    /// A token of letters and digits: its words one by one, or all of it if it looks like a number
    /// that somebody was given.
    void judge(const Range& token)
    {
        const auto digits = static_cast<std::size_t>(std::ranges::count_if(at(token), is_digit));
        if (digits > most_digits) {
            m_unknown.push_back(token);
            return;
        }
        std::vector<Range> unknown;
        bool all_listed = true;
        for (auto begin = token.begin; begin < token.end;) {
            auto end = begin;
            const bool number = is_digit(m_folded.text[begin]);
            while (end < token.end && is_digit(m_folded.text[end]) == number) {
                ++end;
            }
            if (!number) {
                all_listed = all_listed && is_listed({begin, end});
                if (!is_harmless({begin, end})) {
                    unknown.push_back({begin, end});
                }
            }
            begin = end;
        }
        constexpr std::size_t numbered = 3; // digits behind letters: "PAT042"
        if (digits >= numbered && !all_listed) {
            m_unknown.push_back(token);
        } else {
            m_unknown.insert(m_unknown.end(), unknown.begin(), unknown.end());
        }
    }

    /// For letters beside a number: a word, or the letter of a quantity (b1000, d2000).
    [[nodiscard]] bool is_listed(const Range& letters) const
    {
        constexpr std::string_view quantities = "bdmnstv";
        const auto word = at(letters);
        return (word.size() == 1 && quantities.find(word) != std::string_view::npos)
               || (word.size() > 1 && m_allowed.contains(word));
    }

    [[nodiscard]] bool is_harmless_word(std::string_view word) const
    {
        return (word.size() <= 2 && std::ranges::all_of(word, is_ascii_letter))
               || is_consonants(word) || m_allowed.contains(word);
    }

    /// The run of letters itself, or each part of it between a small letter and a capital.
    [[nodiscard]] bool is_harmless(const Range& letters) const
    {
        if (is_harmless_word(at(letters))) {
            return true;
        }
        const auto source = [&](std::size_t i) { return m_folded.source[m_folded.origin[i]]; };
        const auto is_capital = [](char c) { return c >= 'A' && c <= 'Z'; };
        auto begin = letters.begin;
        bool is_split = false;
        for (auto i = letters.begin + 1; i < letters.end; ++i) {
            if (is_capital(source(i)) && !is_capital(source(i - 1))
                && m_folded.origin[i] != m_folded.origin[i - 1]) {
                if (!is_harmless_word(at({begin, i}))) {
                    return false;
                }
                begin = i;
                is_split = true;
            }
        }
        return is_split && is_harmless_word(at({begin, letters.end}));
    }

    const Folded& m_folded;
    const AllowedWords& m_allowed;
    std::vector<Range> m_unknown;
};

} // namespace

std::vector<Range> find_unknown_words(const Folded& folded, const AllowedWords& allowed)
{
    return Words{folded, allowed}.unknown();
}

} // namespace fiona::anonymize
