// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace fiona::jobs {

struct SelectToken {
    enum class Kind { end, word, quoted, number, sign } kind = Kind::end;
    std::string text;       ///< without quotes; a sign is one of ( ) , @ == = < > <= >=
    std::size_t offset = 0; ///< of its first byte in the statement
};

/// The words of a select statement. Comments are gone, what is in quotes is literal and may hold
/// anything but that quote. No token is longer than the statement, which the parser bounds.
class SelectLexer {
public:
    /// Borrows `text`.
    explicit SelectLexer(std::string_view text) : m_text{text} {}

    /// Where a value is expected, a word may begin with `(` or a sign of a number: `regexp (T1|T2)`.
    enum class Expect { anything, value };
    /// Throws Error{Fault::data} with the offset for a character that begins nothing, an open quote
    /// or an open comment.
    [[nodiscard]] SelectToken next(Expect expect = Expect::anything);

private:
    void skip_blanks();
    [[nodiscard]] SelectToken quoted();
    [[nodiscard]] SelectToken word(Expect expect);
    [[nodiscard]] bool begins_number() const;

    std::string_view m_text;
    std::size_t m_at = 0;
};

} // namespace fiona::jobs
