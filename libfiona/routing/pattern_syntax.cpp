// SPDX-License-Identifier: MIT
#include "libfiona/routing/pattern_syntax.h"

#include "libfiona/base/error.h"
#include "libfiona/routing/pattern_rules.h"

#include <algorithm>
#include <optional>
#include <string>

namespace fiona::routing {

namespace {

using Kind = PatternNode::Kind;

constexpr std::size_t longest_pattern = 1'000;
constexpr unsigned deepest_group = 30;

CharacterSet range(char first, char last)
{
    CharacterSet set;
    // All ASCII: the parser lets nothing else in.
    for (auto c = static_cast<unsigned char>(first); c <= static_cast<unsigned char>(last); ++c) {
        set.set(c);
    }
    return set;
}

CharacterSet single(char c)
{
    return range(c, c);
}

CharacterSet digits()
{
    return range('0', '9');
}

CharacterSet letters_and_digits()
{
    return digits() | range('a', 'z') | range('A', 'Z');
}

bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

class Parser {
public:
    explicit Parser(std::string_view text) : m_text{text} {}

    PatternNode parse()
    {
        auto root = alternatives(0);
        if (!is_at_end()) {
            fail("a ) without its (");
        }
        return root;
    }

private:
    PatternNode alternatives(unsigned depth)
    {
        PatternNode node{.kind = Kind::alternatives};
        node.parts.push_back(sequence(depth));
        while (take('|')) {
            node.parts.push_back(sequence(depth));
        }
        return node.parts.size() == 1 ? std::move(node.parts.front()) : node;
    }

    PatternNode sequence(unsigned depth)
    {
        PatternNode node{.kind = Kind::sequence};
        while (!is_at_end() && here() != '|' && here() != ')') {
            node.parts.push_back(repeated(atom(depth)));
        }
        return node;
    }

    PatternNode atom(unsigned depth)
    {
        const char c = here();
        switch (c) {
        case '(': return group(depth);
        case '[': return {.kind = Kind::characters, .characters = character_class()};
        case '\\': return escape();
        case '.': ++m_at; return {.kind = Kind::characters, .characters = letters_and_digits()};
        case '^': ++m_at; return {.kind = Kind::begin};
        case '$': ++m_at; return {.kind = Kind::end};
        case '*':
        case '+':
        case '?':
        case '{': fail("a repetition of nothing");
        default: return {.kind = Kind::characters, .characters = single(literal())};
        }
    }

    PatternNode group(unsigned depth)
    {
        if (depth == deepest_group) {
            fail("groups nested too deeply");
        }
        ++m_at;
        PatternNode node{.kind = Kind::group};
        if (take('?')) {
            if (!take(':')) {
                fail("(?...) other than (?:...) is refused");
            }
        } else {
            node.number = ++m_groups;
        }
        const auto begin = m_at;
        node.parts.push_back(alternatives(depth + 1));
        if (!take(')')) {
            m_at = begin;
            fail("a ( without its )");
        }
        if (node.number != 0) {
            m_closed.push_back(node.number);
        }
        return node;
    }

    PatternNode escape()
    {
        ++m_at;
        if (is_at_end()) {
            fail("a \\ at the end");
        }
        if (here() >= '1' && here() <= '9') {
            const auto number = decimal();
            if (!number || std::ranges::find(m_closed, *number) == m_closed.end()) {
                fail("a back reference to a group that is not closed before it");
            }
            return {.kind = Kind::reference, .number = *number};
        }
        return {.kind = Kind::characters, .characters = escaped_set()};
    }

    /// After the backslash: `\d`, `\w`, or punctuation that stands for itself.
    CharacterSet escaped_set()
    {
        const char c = here();
        if (c == 'd') {
            ++m_at;
            return digits();
        }
        if (c == 'w') {
            ++m_at;
            return letters_and_digits() | single('_');
        }
        if (letters_and_digits().test(static_cast<unsigned char>(c) & 0x7FU)) {
            fail("of the escapes only \\d, \\w and back references are understood");
        }
        return single(literal());
    }

    CharacterSet character_class()
    {
        const auto begin = m_at++;
        if (take('^')) {
            fail("a negated class is refused: say which characters there may be");
        }
        CharacterSet set;
        for (bool is_first = true; is_first || is_at_end() || here() != ']'; is_first = false) {
            if (is_at_end()) {
                m_at = begin;
                fail("a [ without its ]");
            }
            const auto item = class_item();
            // A hyphen before the closing bracket is no range.
            if (here() != '-' || m_at + 1 >= m_text.size() || m_text[m_at + 1] == ']') {
                set |= item;
                continue;
            }
            ++m_at;
            set |= class_range(item, class_item());
        }
        ++m_at;
        return set;
    }

    CharacterSet class_item()
    {
        if (is_at_end()) {
            fail("a [ without its ]");
        }
        if (here() == '\\') {
            ++m_at;
            if (is_at_end()) {
                fail("a \\ at the end");
            }
            return escaped_set();
        }
        return single(literal());
    }

    [[nodiscard]] CharacterSet class_range(const CharacterSet& first,
                                           const CharacterSet& last) const
    {
        if (first.count() != 1 || last.count() != 1) {
            fail("a range between classes");
        }
        const auto low = lowest(first);
        const auto high = lowest(last);
        if (high < low) {
            fail("a range whose end is before its beginning");
        }
        const auto set = range(low, high);
        if ((set & ~id_characters()).any()) {
            fail("a range with characters that no participant id may have");
        }
        return set;
    }

    [[nodiscard]] static char lowest(const CharacterSet& set)
    {
        std::size_t c = 0;
        while (!set.test(c)) {
            ++c;
        }
        return static_cast<char>(c);
    }

    PatternNode repeated(PatternNode node)
    {
        if (is_at_end()) {
            return node;
        }
        PatternNode repeat{.kind = Kind::repeat};
        if (take('?')) {
            repeat.least = 0;
        } else if (here() == '{') {
            count(repeat);
        } else if (here() == '*' || here() == '+') {
            fail("endless repetition is refused: say how often at most, as in {1,3}");
        } else {
            return node;
        }
        if (!is_at_end() && std::string_view{"?*+{"}.find(here()) != std::string_view::npos) {
            fail("a repetition of a repetition");
        }
        if (node.kind == Kind::begin || node.kind == Kind::end) {
            fail("a repeated anchor");
        }
        repeat.parts.push_back(std::move(node));
        return repeat;
    }

    void count(PatternNode& repeat)
    {
        ++m_at;
        const auto least = decimal();
        if (!least) {
            fail("{ must be followed by a number");
        }
        repeat.least = repeat.most = *least;
        if (take(',')) {
            const auto most = decimal();
            if (!most) {
                fail("endless repetition is refused: say how often at most, as in {1,3}");
            }
            repeat.most = *most;
        }
        if (!take('}')) {
            fail("a { without its }");
        }
        if (repeat.most < repeat.least) {
            fail("a repetition whose maximum is below its minimum");
        }
        if (repeat.most > longest_id) {
            fail("a repetition of more than 64");
        }
    }

    /// Nothing if there is no digit. Values that are too large come out as 10,000.
    std::optional<unsigned> decimal()
    {
        constexpr unsigned too_large = 10'000;
        if (is_at_end() || !is_digit(here())) {
            return std::nullopt;
        }
        unsigned value = 0;
        while (!is_at_end() && is_digit(here())) {
            value = std::min(value * 10 + static_cast<unsigned>(here() - '0'), too_large);
            ++m_at;
        }
        return value;
    }

    char literal()
    {
        const char c = here();
        if ((static_cast<unsigned char>(c) & 0x80U) != 0
            || !id_characters().test(static_cast<unsigned char>(c))) {
            fail("participant ids have only letters, digits, `_`, `.` and `-`");
        }
        ++m_at;
        return c;
    }

    [[nodiscard]] static CharacterSet id_characters()
    {
        return letters_and_digits() | single('_') | single('.') | single('-');
    }

    [[nodiscard]] bool is_at_end() const { return m_at >= m_text.size(); }
    [[nodiscard]] char here() const { return is_at_end() ? '\0' : m_text[m_at]; }
    bool take(char c)
    {
        if (is_at_end() || here() != c) {
            return false;
        }
        ++m_at;
        return true;
    }

    [[noreturn]] void fail(std::string_view reason) const
    {
        throw Error{Fault::data, "pattern, character {}: {}", m_at + 1, reason};
    }

    std::string_view m_text;
    std::size_t m_at = 0;
    unsigned m_groups = 0;
    std::vector<unsigned> m_closed;
};

} // namespace

PatternNode parse_pattern(std::string_view pattern)
{
    if (pattern.size() > longest_pattern) {
        throw Error{Fault::data, "pattern: more than {} characters", longest_pattern};
    }
    auto root = Parser{pattern}.parse();
    check_anchors(root);
    check_references(root);
    check_length(root);
    return root;
}

} // namespace fiona::routing
