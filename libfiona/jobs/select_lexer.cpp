// SPDX-License-Identifier: MIT
#include "libfiona/jobs/select_lexer.h"

#include "libfiona/base/error.h"
#include "libfiona/base/number.h"

#include <algorithm>

namespace fiona::jobs {

namespace {

bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/// Letters of any script, digits, and what people write into a pattern without quotes.
bool is_word_character(char c)
{
    constexpr std::string_view others = "^$.*[]/\\_|";
    const auto byte = static_cast<unsigned char>(c);
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) || byte >= 0x80
           || others.find(c) != std::string_view::npos;
}

bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v';
}

/// As JSON writes numbers, so that `1.5` is one and `1.2.840` is a word.
bool is_number(std::string_view text)
{
    const auto digits = text.starts_with('+') ? text.substr(1) : text;
    return read_number<double>(digits).has_value() && std::ranges::any_of(digits, is_digit);
}

} // namespace

void SelectLexer::skip_blanks()
{
    while (m_at < m_text.size()) {
        if (is_blank(m_text[m_at])) {
            ++m_at;
        } else if (m_text.substr(m_at).starts_with("/*")) {
            const auto end = m_text.find("*/", m_at + 2);
            if (end == std::string_view::npos) {
                throw Error{Fault::data, "select: the comment at {} has no end", m_at};
            }
            m_at = end + 2;
        } else {
            return;
        }
    }
}

SelectToken SelectLexer::quoted()
{
    const auto begin = m_at;
    const auto end = m_text.find(m_text[begin], begin + 1);
    if (end == std::string_view::npos) {
        throw Error{Fault::data, "select: the text at {} has no closing quote", begin};
    }
    m_at = end + 1;
    return {SelectToken::Kind::quoted, std::string{m_text.substr(begin + 1, end - begin - 1)},
            begin};
}

/// In a value, a parenthesis belongs to the word with its partner: `^(T1|T2)$`, but not the last one of
/// `(Modality = MR)`.
SelectToken SelectLexer::word(Expect expect)
{
    const auto begin = m_at;
    std::size_t open = 0;
    while (m_at < m_text.size() && !m_text.substr(m_at).starts_with("/*")) {
        const char c = m_text[m_at];
        if (c == '(' && expect == Expect::value) {
            ++open;
        } else if (c == ')' && open > 0) {
            --open;
        } else if (!is_word_character(c) && !(m_at == begin && (c == '-' || c == '+'))) {
            break;
        }
        ++m_at;
    }
    if (open > 0) {
        throw Error{Fault::data, "select: the word at {} has an open parenthesis", begin};
    }
    auto text = std::string{m_text.substr(begin, m_at - begin)};
    const auto kind = is_number(text) ? SelectToken::Kind::number : SelectToken::Kind::word;
    return {kind, std::move(text), begin};
}

bool SelectLexer::begins_number() const
{
    const auto rest = m_text.substr(m_at);
    return rest.size() > 1 && (rest[0] == '-' || rest[0] == '+') && is_digit(rest[1]);
}

SelectToken SelectLexer::next(Expect expect)
{
    skip_blanks();
    if (m_at == m_text.size()) {
        return {SelectToken::Kind::end, "", m_at};
    }
    const char c = m_text[m_at];
    if (c == '"' || c == '\'') {
        return quoted();
    }
    if (is_word_character(c) || (expect == Expect::value && (c == '(' || begins_number()))) {
        return word(expect);
    }
    const auto begin = m_at;
    for (const std::string_view sign : {"==", "<=", ">=", "=", "<", ">", "(", ")", ",", "@"}) {
        if (m_text.substr(m_at).starts_with(sign)) {
            m_at += sign.size();
            return {SelectToken::Kind::sign, std::string{sign}, begin};
        }
    }
    throw Error{Fault::data, "select: nothing begins with the character at {}", begin};
}

} // namespace fiona::jobs
