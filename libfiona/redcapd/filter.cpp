// SPDX-License-Identifier: MIT
#include "libfiona/redcapd/filter.h"

#include "libfiona/base/number.h"
#include "libfiona/base/text.h"
#include "libfiona/redcapd/answer.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

namespace fiona::redcapd {

namespace {

constexpr std::size_t max_bytes = 4096;
constexpr unsigned max_depth = 64;
constexpr std::string_view yes = "1";
constexpr std::string_view no = "0";

std::optional<double> number_of(std::string_view text)
{
    const auto value = read_number<double>(trimmed(text));
    return value && std::isfinite(*value) ? value : std::nullopt;
}

template <typename T>
bool compare(const T& left, std::string_view comparison, const T& right)
{
    if (comparison == "=") {
        return left == right;
    }
    if (comparison == "<>" || comparison == "!=") {
        return left != right;
    }
    if (comparison == "<") {
        return left < right;
    }
    if (comparison == "<=") {
        return left <= right;
    }
    return comparison == ">" ? left > right : left >= right;
}

bool is_true(std::string_view value)
{
    const auto number = number_of(value);
    return number ? *number != 0
                  : !value.empty(); // NOLINT(clang-diagnostic-float-equal) exactly zero
}

bool is_word_character(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

} // namespace

class FilterParser {
public:
    FilterParser(Filter& filter, std::string_view text) : m_filter{filter}, m_text{text} {}

    std::size_t parse()
    {
        const auto root = any(0);
        skip_blanks();
        if (m_at < m_text.size()) {
            fail();
        }
        return root;
    }

private:
    using Kind = Filter::Kind;

    std::size_t any(unsigned depth)
    {
        return joined(Kind::any, "or", "||", [&] { return all(depth); });
    }

    std::size_t all(unsigned depth)
    {
        return joined(Kind::all, "and", "&&", [&] { return unary(depth); });
    }

    /// One node for a whole chain, so that a long chain is not deep.
    std::size_t joined(Kind kind, std::string_view word, std::string_view sign, const auto& part)
    {
        std::vector<std::size_t> parts{part()};
        while (take_word(word) || take(sign)) {
            parts.push_back(part());
        }
        return parts.size() == 1 ? parts.front() : add({kind, "", 0, std::move(parts)});
    }

    std::size_t unary(unsigned depth)
    {
        if (take_word("not") || (!starts_with("!=") && take("!"))) {
            return add({Kind::negation, "", 0, {unary(deeper(depth))}});
        }
        const auto left = operand(depth);
        for (const std::string_view sign : {"<>", "!=", "<=", ">=", "=", "<", ">"}) {
            if (take(sign)) {
                return add({Kind::comparison, std::string{sign}, 0, {left, operand(depth)}});
            }
        }
        return left;
    }

    std::size_t operand(unsigned depth)
    {
        if (take("(")) {
            const auto inside = any(deeper(depth));
            if (!take(")")) {
                fail();
            }
            return inside;
        }
        if (take("[")) {
            return reference();
        }
        if (m_at >= m_text.size()) {
            fail();
        }
        const char first = m_text[m_at];
        return add(
            {Kind::literal, first == '"' || first == '\'' ? quoted(first) : number(), 0, {}});
    }

    std::size_t reference()
    {
        FilterReference found;
        found.field = until(']');
        if (m_at < m_text.size() && m_text[m_at] == '[') {
            ++m_at;
            found.event = std::exchange(found.field, {});
            found.field = until(']');
        }
        if (found.field.ends_with(')')) {
            const auto open = found.field.find('(');
            if (open == std::string::npos) {
                fail();
            }
            found.code = found.field.substr(open + 1, found.field.size() - open - 2);
            found.field.resize(open);
        }
        m_filter.m_references.push_back(std::move(found));
        return add({Kind::reference, "", m_filter.m_references.size() - 1, {}});
    }

    std::string quoted(char quote)
    {
        ++m_at;
        return until(quote);
    }

    std::string number()
    {
        const auto begin = m_at;
        while (m_at < m_text.size()
               && (is_word_character(m_text[m_at]) || m_text[m_at] == '.' || m_text[m_at] == '-'
                   || m_text[m_at] == '+')) {
            ++m_at;
        }
        const auto text = m_text.substr(begin, m_at - begin);
        if (!number_of(text)) {
            fail();
        }
        return std::string{text};
    }

    std::string until(char end)
    {
        const auto found = m_text.find(end, m_at);
        if (found == std::string_view::npos) {
            fail();
        }
        const auto text = m_text.substr(m_at, found - m_at);
        m_at = found + 1;
        return std::string{text};
    }

    void skip_blanks()
    {
        while (m_at < m_text.size()
               && std::string_view{" \t\r\n"}.find(m_text[m_at]) != std::string_view::npos) {
            ++m_at;
        }
    }

    bool starts_with(std::string_view sign)
    {
        skip_blanks();
        return m_text.substr(m_at).starts_with(sign);
    }

    bool take(std::string_view sign)
    {
        if (!starts_with(sign)) {
            return false;
        }
        m_at += sign.size();
        skip_blanks();
        return true;
    }

    bool take_word(std::string_view word)
    {
        skip_blanks();
        const auto rest = m_text.substr(m_at);
        const bool ends = rest.size() <= word.size() || !is_word_character(rest[word.size()]);
        return lower_case(rest.substr(0, word.size())) == word && ends
               && take(rest.substr(0, word.size()));
    }

    [[nodiscard]] unsigned deeper(unsigned depth) const
    {
        if (depth + 1 > max_depth) {
            fail();
        }
        return depth + 1;
    }

    std::size_t add(Filter::Node node)
    {
        m_filter.m_nodes.push_back(std::move(node));
        return m_filter.m_nodes.size() - 1;
    }

    [[noreturn]] void fail() const
    {
        throw Refusal{400, fmt::format("The value of the parameter \"filterLogic\" is not valid "
                                       "(at character {})",
                                       m_at + 1)};
    }

    Filter& m_filter;
    std::string_view m_text;
    std::size_t m_at = 0;
};

Filter::Filter(std::string_view text)
{
    if (text.size() > max_bytes) {
        throw Refusal{400, fmt::format("The value of the parameter \"filterLogic\" is longer than "
                                       "{} bytes",
                                       max_bytes)};
    }
    m_root = FilterParser{*this, text}.parse();
}

bool Filter::matches(const std::function<std::string(std::size_t)>& value_of) const
{
    return is_true(evaluate(m_root, value_of));
}

std::string Filter::evaluate(std::size_t node,
                             const std::function<std::string(std::size_t)>& value_of) const
{
    const auto& it = m_nodes[node];
    const auto part_is_true = [&](std::size_t part) { return is_true(evaluate(part, value_of)); };
    bool result = false;
    switch (it.kind) {
    case Kind::literal: return it.text;
    case Kind::reference: return value_of(it.reference);
    case Kind::any: result = std::ranges::any_of(it.parts, part_is_true); break;
    case Kind::all: result = std::ranges::all_of(it.parts, part_is_true); break;
    case Kind::negation: result = !part_is_true(it.parts.front()); break;
    case Kind::comparison: {
        const auto left = evaluate(it.parts.at(0), value_of);
        const auto right = evaluate(it.parts.at(1), value_of);
        const auto left_number = number_of(left);
        const auto right_number = number_of(right);
        result = left_number && right_number ? compare(*left_number, it.text, *right_number)
                                             : compare(left, it.text, right);
        break;
    }
    }
    return std::string{result ? yes : no};
}

} // namespace fiona::redcapd
