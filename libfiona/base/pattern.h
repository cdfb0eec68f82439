// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace fiona {

/// A regular expression of a rule, in the syntax of Python's `re`. RE2 runs it, in linear time; only
/// what RE2 refuses (look-around, back references) is run by PCRE2, with limits.
class Pattern {
public:
    /// Throws Error{Fault::config} with the reason if it is no regular expression.
    explicit Pattern(const std::string& text);

    /// Whether it matches anywhere in `text`. Throws Error{Fault::config} if PCRE2 gives up at a
    /// limit: the pattern is too costly for this text.
    [[nodiscard]] bool is_in(std::string_view text) const;
    /// Whether PCRE2 runs it.
    [[nodiscard]] bool is_backtracking() const;

private:
    struct Data;
    std::shared_ptr<const Data> m_data;
};

} // namespace fiona
