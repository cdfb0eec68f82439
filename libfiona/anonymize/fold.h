// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

/// Text as names are compared: lower case, without diacritics (æ -> ae, ø -> o, å -> a, ß -> ss),
/// runs of blanks and underscores as one blank. Searching folded text finds HANSEN in "Hånsen".
namespace fiona::anonymize {

struct Folded {
    std::string text;
    std::vector<std::uint32_t> origin; ///< of each byte of `text`: where its character began
    std::string_view source;           ///< borrowed
};

enum class Reading { utf8, latin1 };

[[nodiscard]] Folded fold(std::string_view source, Reading reading = Reading::utf8);
/// The same without the way back.
[[nodiscard]] std::string fold_text(std::string_view utf8);
/// All spellings of a folded word: Norwegian and German letters written out or not (sorensen,
/// soerensen). The word itself is the first.
[[nodiscard]] std::vector<std::string> spellings(std::string_view utf8_word);

/// The Latin letters of UTF-16 text inside of binary bytes, in either byte order: each run of bytes whose
/// every other one is NUL, as Latin-1, with `|` between two runs. For colour profiles and the like.
[[nodiscard]] std::string narrowed(std::string_view bytes);

[[nodiscard]] constexpr bool is_word_letter(char folded)
{
    return (folded >= 'a' && folded <= 'z') || static_cast<unsigned char>(folded) >= 0x80;
}

[[nodiscard]] constexpr bool is_digit(char folded)
{
    return folded >= '0' && folded <= '9';
}

} // namespace fiona::anonymize
