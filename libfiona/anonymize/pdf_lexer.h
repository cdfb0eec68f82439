// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace fiona::anonymize {

/// Between words (§7.2.2).
inline constexpr std::string_view blanks_of_pdf{"\0\t\n\f\r ", 6};

enum class PdfWordKind {
    end,
    broken, ///< a string without an end, `)` and `>` without a beginning
    comment,
    name,
    string,
    mark, ///< `<<`, `>>`, `[`, `]`, `{`, `}`
    plain ///< a number, a keyword
};

struct PdfWord {
    PdfWordKind kind = PdfWordKind::end;
    std::string_view written; ///< as it stands; comments to the end of their line
};

/// The next word at or behind `at`, which is moved behind it (ISO 32000-1 §7.2, §7.3).
[[nodiscard]] PdfWord next_pdf_word(std::string_view pdf, std::size_t& at);

/// Names of a PDF as they are meant: `/A#6enot` is `/Annot` (ISO 32000-1 §7.3.5). Positions change.
[[nodiscard]] std::string with_plain_names(std::string_view pdf);

/// What a string means (§7.3.4): literal or hexadecimal, `written` with its brackets. UTF-16 that begins
/// with its mark (§7.9.2.2) as UTF-8, all else as its bytes.
[[nodiscard]] std::string meant_by(std::string_view written);

} // namespace fiona::anonymize
