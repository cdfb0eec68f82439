// SPDX-License-Identifier: MIT
#include "libfiona/jobs/select_language.h"

#include "libfiona/base/error.h"
#include "libfiona/base/number.h"
#include "libfiona/base/text.h"
#include "libfiona/jobs/select_lexer.h"

#include <algorithm>
#include <array>
#include <utility>

namespace fiona::jobs {

namespace {

using Token = SelectToken;
using Expect = SelectLexer::Expect;
using Kind = SelectRule::Kind;

constexpr std::array<std::pair<std::string_view, Level>, 5> level_names{
    {{"project", Level::project},
     {"patient", Level::patient},
     {"participant", Level::patient},
     {"study", Level::study},
     {"series", Level::series}}};

constexpr std::array<std::pair<std::string_view, Kind>, 9> operators{
    {{"==", Kind::equal},
     {"=", Kind::equal},
     {"containing", Kind::containing},
     {"contains", Kind::containing},
     {"regexp", Kind::regexp},
     {"<", Kind::less},
     {">", Kind::greater},
     {"<=", Kind::at_most},
     {">=", Kind::at_least}}};

bool is_ordering(Kind kind)
{
    return kind == Kind::less || kind == Kind::greater || kind == Kind::at_most
           || kind == Kind::at_least;
}

std::optional<std::uint16_t> tag_number(std::string_view text)
{
    if (text.starts_with("0x") || text.starts_with("0X")) {
        text.remove_prefix(2);
    }
    return read_number<std::uint16_t>(text, 16);
}

class Parser {
public:
    Parser(std::string_view text, Precedence precedence, const SelectLimits& limits)
        : m_lexer{text}, m_precedence{precedence}, m_limits{limits}
    {
        advance();
    }

    Statement statement()
    {
        Statement result;
        take_keyword("select");
        result.level = level_if_any().value_or(Level::series);
        if (skip_keyword("from")) {
            static_cast<void>(level_if_any()); // where the rules look: always at series
        }
        result.clauses.push_back(clause());
        while (skip_keyword("also")) {
            result.clauses.push_back(clause());
        }
        while (skip_keyword("check")) {
            do {
                result.checks.push_back(check(result.clauses));
            } while (skip_keyword("and"));
        }
        if (m_token.kind != Token::Kind::end) {
            throw unexpected("the end");
        }
        return result;
    }

private:
    void advance(Expect expect = Expect::anything) { m_token = m_lexer.next(expect); }

    [[nodiscard]] Error unexpected(std::string_view wanted) const
    {
        return Error{Fault::data, "select: {} was expected at {}", wanted, m_token.offset};
    }

    [[nodiscard]] bool is_keyword(std::string_view word) const
    {
        return m_token.kind == Token::Kind::word && lower_case(m_token.text) == word;
    }
    [[nodiscard]] bool is_sign(std::string_view sign) const
    {
        return m_token.kind == Token::Kind::sign && m_token.text == sign;
    }
    bool skip_keyword(std::string_view word)
    {
        const bool is_there = is_keyword(word);
        if (is_there) {
            advance();
        }
        return is_there;
    }
    void take_keyword(std::string_view word)
    {
        if (!skip_keyword(word)) {
            throw unexpected(word);
        }
    }
    void take_sign(std::string_view sign)
    {
        if (!is_sign(sign)) {
            throw unexpected(sign);
        }
        advance();
    }

    std::optional<Level> level_if_any()
    {
        if (is_keyword("image")) {
            throw Error{Fault::data, "select: the level image at {} is no input of a container",
                        m_token.offset};
        }
        for (const auto& [name, level] : level_names) {
            if (skip_keyword(name)) {
                return level;
            }
        }
        return std::nullopt;
    }

    SelectClause clause()
    {
        SelectClause result;
        if (!skip_keyword("where")) {
            return result;
        }
        const bool has_level = level_if_any().has_value();
        const bool has_name = skip_keyword("named");
        if (has_name) {
            result.name = name();
        }
        if (has_level || has_name) {
            take_keyword("has");
        } else {
            static_cast<void>(skip_keyword("has"));
        }
        result.rule = rules(0);
        return result;
    }

    std::string name()
    {
        if (m_token.kind != Token::Kind::quoted && m_token.kind != Token::Kind::word
            && m_token.kind != Token::Kind::number) {
            throw unexpected("a name");
        }
        auto text = std::move(m_token.text);
        advance();
        return text;
    }

    static SelectRule joined(Kind kind, SelectRule left, SelectRule right)
    {
        if (left.kind == kind && !left.parts.empty()) { // a chain stays flat, however long it is
            left.parts.push_back(std::move(right));
            return left;
        }
        SelectRule result{kind};
        result.parts.push_back(std::move(left));
        result.parts.push_back(std::move(right));
        return result;
    }

    SelectRule rules(std::size_t depth)
    {
        // With strict precedence `sum` is what OR has gathered, `result` the product being made. The
        // depth of what left-to-right makes of alternating words is bounded by the number of rules.
        std::optional<SelectRule> sum;
        auto result = rule(depth);
        for (;;) {
            if (skip_keyword("and")) {
                result = joined(Kind::all_of, std::move(result), rule(depth));
            } else if (skip_keyword("or")) {
                if (m_precedence == Precedence::left_to_right) {
                    result = joined(Kind::any_of, std::move(result), rule(depth));
                    continue;
                }
                sum = sum ? joined(Kind::any_of, std::move(*sum), std::move(result))
                          : std::move(result);
                result = rule(depth);
            } else {
                return sum ? joined(Kind::any_of, std::move(*sum), std::move(result)) : result;
            }
        }
    }

    SelectRule rule(std::size_t depth)
    {
        if (depth >= m_limits.depth) {
            throw Error{Fault::data, "select: nested too deeply at {}", m_token.offset};
        }
        if (++m_rules > m_limits.rules) {
            throw Error{Fault::data, "select: more than {} rules", m_limits.rules};
        }
        if (skip_keyword("not")) {
            SelectRule result{Kind::none_of};
            result.parts.push_back(rule(depth + 1));
            return result;
        }
        if (skip_keyword("everything")) {
            return {};
        }
        if (is_sign("(")) {
            advance();
            if (m_token.kind == Token::Kind::quoted) { // a tag of two numbers
                return comparison(tag_pair());
            }
            auto result = rules(depth + 1);
            take_sign(")");
            return result;
        }
        return comparison(tag());
    }

    SelectTag tag()
    {
        if (is_sign("(")) {
            advance();
            return tag_pair();
        }
        if (m_token.kind != Token::Kind::word) {
            throw unexpected("the name of an element");
        }
        SelectTag result{std::move(m_token.text), std::nullopt};
        advance();
        result.tag = dicom::Header::tag_of(result.name);
        return result;
    }

    /// Behind its parenthesis.
    SelectTag tag_pair()
    {
        const auto number = [&] {
            const auto value =
                m_token.kind == Token::Kind::quoted ? tag_number(m_token.text) : std::nullopt;
            if (!value) {
                throw unexpected("a hexadecimal number in quotes");
            }
            advance();
            return *value;
        };
        const auto group = number();
        take_sign(",");
        const auto element = number();
        take_sign(")");
        return {fmt::format("{:04x},{:04x}", group, element), dicom::Tag{group, element}};
    }

    SelectRule comparison(SelectTag tag)
    {
        SelectRule result;
        result.tag = std::move(tag);
        const auto* const found = std::ranges::find_if(operators, [&](const auto& item) {
            return is_sign(item.first) || is_keyword(item.first);
        });
        if (found == operators.end()) {
            throw unexpected("a comparison");
        }
        result.kind = found->second;
        advance(Expect::value);
        if (m_token.kind != Token::Kind::quoted && m_token.kind != Token::Kind::word
            && m_token.kind != Token::Kind::number) {
            throw unexpected("a value");
        }
        const auto offset = m_token.offset;
        result.text = m_token.text;
        if (m_token.kind == Token::Kind::number || is_ordering(result.kind)) {
            result.number = select_number(result.text);
        }
        if (is_ordering(result.kind) && !result.number) {
            throw unexpected("a number");
        }
        if (result.kind == Kind::regexp) {
            result.pattern = pattern(offset, result.text);
        }
        advance();
        return result;
    }

    static Pattern pattern(std::size_t offset, const std::string& text)
    {
        try {
            Pattern result{text};
            if (!result.is_backtracking()) {
                return result;
            }
        } catch (const Error&) { // its text would hold the pattern
        }
        throw Error{Fault::data, "select: the text at {} is no regular expression of RE2", offset};
    }

    SelectCheck check(const std::vector<SelectClause>& clauses)
    {
        SelectCheck result;
        result.left_clause = clause_of_check(clauses);
        result.left = tag();
        take_sign("==");
        result.right_clause = clause_of_check(clauses);
        result.right = tag();
        return result;
    }

    std::size_t clause_of_check(const std::vector<SelectClause>& clauses)
    {
        const auto offset = m_token.offset;
        const auto wanted = name();
        take_sign("@");
        const auto found = std::ranges::find(clauses, wanted, &SelectClause::name);
        if (found == clauses.end()) {
            throw Error{Fault::data, "select: no clause has the name at {}", offset};
        }
        return static_cast<std::size_t>(found - clauses.begin());
    }

    SelectLexer m_lexer;
    Precedence m_precedence;
    SelectLimits m_limits;
    Token m_token;
    std::size_t m_rules = 0;
};

} // namespace

std::optional<double> select_number(std::string_view text)
{
    text = trimmed(text);
    if (text.starts_with('+')) {
        text.remove_prefix(1);
    }
    return read_number<double>(text);
}

Statement parse_statement(std::string_view text, Precedence precedence, const SelectLimits& limits)
{
    if (text.size() > limits.bytes) {
        throw Error{Fault::data, "select: longer than {} bytes", limits.bytes};
    }
    return Parser{text, precedence, limits}.statement();
}

} // namespace fiona::jobs
