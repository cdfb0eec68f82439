// SPDX-License-Identifier: MIT
#include "libfiona/anonymize/fold.h"

#include "libfiona/anonymize/charset.h"

#include <algorithm>
#include <array>
#include <utility>

namespace fiona::anonymize {

namespace {

/// U+00C0 to U+017F: the base letters of Unicode's canonical decomposition, and the usual
/// transcriptions of letters that have none.
constexpr std::array<std::string_view, 192> base_letters{
    "a", "a", "a",  "a",  "a", "a", "ae", "c",  "e",  "e", "e", "e", "i",  "i",  "i", "i", "d", "n",
    "o", "o", "o",  "o",  "o", "x", "o",  "u",  "u",  "u", "u", "y", "th", "ss", "a", "a", "a", "a",
    "a", "a", "ae", "c",  "e", "e", "e",  "e",  "i",  "i", "i", "i", "d",  "n",  "o", "o", "o", "o",
    "o", " ", "o",  "u",  "u", "u", "u",  "y",  "th", "y", "a", "a", "a",  "a",  "a", "a", "c", "c",
    "c", "c", "c",  "c",  "c", "c", "d",  "d",  "d",  "d", "e", "e", "e",  "e",  "e", "e", "e", "e",
    "e", "e", "g",  "g",  "g", "g", "g",  "g",  "g",  "g", "h", "h", "h",  "h",  "i", "i", "i", "i",
    "i", "i", "i",  "i",  "i", "i", "ij", "ij", "j",  "j", "k", "k", "k",  "l",  "l", "l", "l", "l",
    "l", "l", "l",  "l",  "l", "n", "n",  "n",  "n",  "n", "n", "n", "n",  "n",  "o", "o", "o", "o",
    "o", "o", "oe", "oe", "r", "r", "r",  "r",  "r",  "r", "s", "s", "s",  "s",  "s", "s", "s", "s",
    "t", "t", "t",  "t",  "t", "t", "u",  "u",  "u",  "u", "u", "u", "u",  "u",  "u", "u", "u", "u",
    "w", "w", "y",  "y",  "y", "z", "z",  "z",  "z",  "z", "z", "s"};

constexpr char32_t first_base_letter = 0xc0;

/// U+0180 to U+024F and U+1E00 to U+1EFF (Romanian, Vietnamese, ...) in the same way; a dot: none.
constexpr std::string_view extended_letters =
    "b........dd......ff....i..l..nn.oo.............uu....zz........."
    ".............aaiioouuuuuuuuuu.aaaa..ggggkkoooo..j...gg..nnaa...."
    "aaaaeeeeiiiioooorrrruuuusstt..hhnd..zzaaeeooooooooyy......acclt."
    "...bu.eejj..rryy";
constexpr std::string_view additional_letters =
    "aabbbbbbccddddddddddeeeeeeeeeeffgghhhhhhhhhhiiiikkkkkkllllllllmm"
    "mmmmnnnnnnnnoooooooopppprrrrrrrrssssssssssttttttttuuuuuuuuuuvvvv"
    "wwwwwwwwwwxxxxyyzzzzzzhtwy....s.aaaaaaaaaaaaaaaaaaaaaaaaeeeeeeee"
    "eeeeeeeeiiiioooooooooooooooooooooooouuuuuuuuuuuuuuyyyyyyyy......";
static_assert(extended_letters.size() == 208 && additional_letters.size() == 256);

/// The base letter of a Latin letter of the two blocks above; 0: it has none.
char extended_base(char32_t c)
{
    const bool additional = c >= 0x1e00;
    const auto letters = additional ? additional_letters : extended_letters;
    const char32_t first = additional ? 0x1e00 : 0x180;
    if (c < first || c - first >= letters.size() || letters[c - first] == '.') {
        return '\0';
    }
    return letters[c - first];
}

/// Full-width forms of ASCII (U+FF01 to U+FF5E), usual in Japanese headers, as ASCII.
char32_t narrow(char32_t c)
{
    return c >= 0xff01 && c <= 0xff5e ? c - 0xfee0 : c;
}

constexpr bool is_blank(char32_t c)
{
    return c <= 0x20 || c == 0x7f || c == 0xa0 || c == '_' || c == 0x3000;
}

/// Greek and Cyrillic capitals to small letters; other scripts have no case or stay as they are.
char32_t small_letter(char32_t c)
{
    if ((c >= 0x391 && c <= 0x3a9) || (c >= 0x410 && c <= 0x42f)) {
        return c + 0x20;
    }
    return c >= 0x400 && c <= 0x40f ? c + 0x50 : c;
}

constexpr auto folded_ascii = [] {
    std::array<char, 0x80> table{};
    for (std::size_t c = 0; c < table.size(); ++c) {
        const auto same = static_cast<char>(c);
        table.at(c) = is_blank(static_cast<char32_t>(c)) ? ' '
                      : c >= 'A' && c <= 'Z'             ? static_cast<char>(c + 0x20)
                                                         : same;
    }
    return table;
}();

class Folding {
public:
    explicit Folding(std::string_view source)
    {
        m_result.source = source;
        m_result.text.reserve(source.size() + 8);
        m_result.origin.reserve(source.size() + 8);
    }

    void character(char32_t wide, std::size_t at)
    {
        const auto c = narrow(wide);
        if (is_blank(c)) {
            if (!m_result.text.empty() && m_result.text.back() != ' ') {
                put(' ', at);
            }
        } else if (c < 0x80) {
            put(folded_ascii.at(c), at);
        } else if (c >= first_base_letter && c - first_base_letter < base_letters.size()) {
            for (const char letter : base_letters.at(c - first_base_letter)) {
                put(letter, at);
            }
        } else if (const char base = extended_base(c); base != '\0') {
            put(base, at);
        } else if (c < 0x300 || c > 0x36f) { // combining marks vanish
            m_piece.clear();
            append_utf8(m_piece, small_letter(c));
            for (const char byte : m_piece) {
                put(byte, at);
            }
        }
    }

    /// The characters below 0x80 from `at` on, most of every header, in one go. Returns where they end.
    std::size_t ascii_run(std::size_t at)
    {
        const auto source = m_result.source;
        auto& text = m_result.text;
        auto& origin = m_result.origin;
        auto end = at;
        while (end < source.size() && static_cast<unsigned char>(source[end]) < 0x80) {
            ++end;
        }
        auto size = text.size();
        text.resize(size + (end - at));
        origin.resize(size + (end - at));
        for (; at < end; ++at) {
            const char c = folded_ascii.at(static_cast<unsigned char>(source[at]));
            if (c != ' ' || (size > 0 && text[size - 1] != ' ')) {
                text[size] = c;
                origin[size++] = static_cast<std::uint32_t>(at);
            }
        }
        text.resize(size);
        origin.resize(size);
        return end;
    }

    Folded take() { return std::move(m_result); }

private:
    void put(char byte, std::size_t at)
    {
        m_result.text += byte;
        m_result.origin.push_back(static_cast<std::uint32_t>(at));
    }

    Folded m_result;
    std::string m_piece;
};

/// Letters that are also written as two: how fold() writes them, and the two.
constexpr std::array<std::pair<std::string_view, std::string_view>, 3> pairs{
    {{"o", "oe"}, {"a", "aa"}, {"u", "ue"}}};

std::string written_out(std::string_view utf8)
{
    std::string text;
    for (std::size_t at = 0; at < utf8.size();) {
        const auto [c, bytes] = code_point_at(utf8, at);
        switch (c) {
        case 0xc5:
        case 0xe5: text += "aa"; break;
        case 0xc4:
        case 0xe4: text += "ae"; break;
        case 0xd6:
        case 0xf6:
        case 0xd8:
        case 0xf8: text += "oe"; break;
        case 0xdc:
        case 0xfc: text += "ue"; break;
        default: text += utf8.substr(at, bytes);
        }
        at += bytes;
    }
    return fold_text(text);
}

std::string drawn_together(std::string text)
{
    for (const auto& [one, two] : pairs) {
        for (auto at = text.find(two); at != std::string::npos; at = text.find(two, at + 1)) {
            text.replace(at, two.size(), one);
        }
    }
    return text;
}

} // namespace

Folded fold(std::string_view source, Reading reading)
{
    Folding folding{source};
    for (auto at = folding.ascii_run(0); at < source.size(); at = folding.ascii_run(at)) {
        const auto point = reading == Reading::utf8
                               ? code_point_at(source, at)
                               : CodePoint{static_cast<unsigned char>(source[at]), 1};
        folding.character(point.value, at);
        at += point.bytes;
    }
    return folding.take();
}

std::string fold_text(std::string_view utf8)
{
    auto text = fold(utf8).text;
    if (!text.empty() && text.back() == ' ') {
        text.pop_back();
    }
    return text;
}

std::vector<std::string> spellings(std::string_view utf8_word)
{
    std::vector<std::string> result{fold_text(utf8_word)};
    for (const auto& other : {written_out(utf8_word), drawn_together(result.front())}) {
        if (std::ranges::find(result, other) == result.end()) {
            result.push_back(other);
        }
    }
    return result;
}

std::string narrowed(std::string_view bytes)
{
    constexpr std::size_t least = 3; // letters; a number of few digits looks like two
    std::string letters;
    std::string run;
    for (std::size_t at = 0; at < bytes.size(); ++at) {
        if (bytes[at] == '\0') {
            continue;
        }
        run.assign(1, bytes[at]);
        while (at + 2 < bytes.size() && bytes[at + 1] == '\0' && bytes[at + 2] != '\0') {
            at += 2;
            run += bytes[at];
        }
        if (run.size() >= least) {
            letters += run;
            letters += '|';
        }
    }
    return letters;
}

} // namespace fiona::anonymize
