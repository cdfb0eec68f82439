// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace fiona::redcapd {

/// `[event][field(code)]` of a filter; event and code may be empty.
struct FilterReference {
    std::string event;
    std::string field;
    std::string code;
};

/// filterLogic, parsed once per request and evaluated per row, in memory.
///
///     or      = and { ("or" | "||") and }
///     and     = unary { ("and" | "&&") unary }
///     unary   = ("not" | "!") unary | operand [ ("=" | "<>" | "!=" | "<" | "<=" | ">" | ">=") operand ]
///     operand = "(" or ")" | "[event]"? "[field]" | "[field(code)]" | number | 'text' | "text"
///
/// Two sides that are both numbers are compared as numbers, else as bytes. At most 4 KiB, nested
/// at most 64 deep; evaluation is no deeper than that.
class Filter {
public:
    /// Throws Refusal{400}.
    explicit Filter(std::string_view text);

    [[nodiscard]] const std::vector<FilterReference>& references() const { return m_references; }
    /// `value_of` is asked with an index into references().
    [[nodiscard]] bool matches(const std::function<std::string(std::size_t)>& value_of) const;

private:
    friend class FilterParser;
    enum class Kind { any, all, negation, comparison, reference, literal };
    struct Node {
        Kind kind = Kind::literal;
        std::string text; ///< literal, or the operator of a comparison
        std::size_t reference = 0;
        std::vector<std::size_t> parts; ///< indices into m_nodes
    };

    [[nodiscard]] std::string
    evaluate(std::size_t node, const std::function<std::string(std::size_t)>& value_of) const;

    std::vector<Node> m_nodes;
    std::vector<FilterReference> m_references;
    std::size_t m_root = 0;
};

} // namespace fiona::redcapd
