// SPDX-License-Identifier: MIT
#include "libfiona/anonymize/pdf_lexer.h"

#include "libfiona/anonymize/charset.h"

#include <algorithm>
#include <charconv>

namespace fiona::anonymize {

namespace {

constexpr std::string_view ends_of_words{"\0\t\n\f\r ()<>[]{}/%", 16};

/// Behind the bracket that closes the literal string at `at`; npos if none does.
std::size_t end_of_literal(std::string_view pdf, std::size_t at)
{
    std::size_t depth = 0;
    for (; at < pdf.size(); ++at) {
        if (pdf[at] == '\\') {
            ++at;
        } else if (pdf[at] == '(') {
            ++depth;
        } else if (pdf[at] == ')' && --depth == 0) {
            return at + 1;
        }
    }
    return std::string_view::npos;
}

/// The byte of an escape, whose letters behind `\` are at `at`, which is moved behind them; "" for a line
/// that goes on.
std::string escaped(std::string_view inside, std::size_t& at)
{
    constexpr std::string_view letters{"nrtbf"};
    constexpr std::string_view meanings{"\n\r\t\b\f"};
    constexpr std::size_t most_digits = 3;
    unsigned value = 0;
    const auto digits = inside.substr(at, most_digits);
    const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), value, 8);
    if (read.ec == std::errc{}) {
        at += static_cast<std::size_t>(read.ptr - digits.data());
        return {static_cast<char>(value)};
    }
    const char letter = inside[at++];
    if (letter == '\r' || letter == '\n') {
        at += letter == '\r' && inside.substr(at).starts_with('\n') ? 1U : 0U;
        return {};
    }
    const auto known = letters.find(letter);
    return {known == std::string_view::npos ? letter : meanings[known]};
}

std::string literal(std::string_view inside)
{
    std::string bytes;
    for (std::size_t at = 0; at < inside.size();) {
        if (inside[at] == '\\' && at + 1 < inside.size()) {
            bytes += escaped(inside, ++at);
        } else {
            bytes += inside[at++];
        }
    }
    return bytes;
}

std::string hexadecimal(std::string_view inside)
{
    std::string digits;
    std::ranges::copy_if(inside, std::back_inserter(digits),
                         [](char c) { return blanks_of_pdf.find(c) == std::string_view::npos; });
    digits.append(digits.size() % 2, '0');
    std::string bytes;
    for (std::size_t at = 0; at < digits.size(); at += 2) {
        unsigned value = 0;
        std::from_chars(digits.data() + at, digits.data() + at + 2, value, 16);
        bytes += static_cast<char>(value);
    }
    return bytes;
}

std::string from_utf16(std::string_view bytes, bool is_big_endian)
{
    std::string text;
    char32_t high = 0;
    for (std::size_t at = 2; at + 1 < bytes.size(); at += 2) { // behind the mark
        const auto first = static_cast<unsigned char>(bytes[at]);
        const auto second = static_cast<unsigned char>(bytes[at + 1]);
        const char32_t unit = is_big_endian ? first * 256U + second : second * 256U + first;
        const bool is_high = unit >= 0xd800 && unit < 0xdc00;
        const bool is_low = unit >= 0xdc00 && unit < 0xe000;
        if (is_low && high != 0) {
            append_utf8(text, 0x10000 + ((high - 0xd800) << 10U) + (unit - 0xdc00));
        } else if (!is_high && !is_low) {
            append_utf8(text, unit);
        }
        high = is_high ? unit : 0;
    }
    return text;
}

} // namespace

PdfWord next_pdf_word(std::string_view pdf, std::size_t& at)
{
    const auto begin = pdf.find_first_not_of(blanks_of_pdf, at);
    if (begin == std::string_view::npos) {
        at = pdf.size();
        return {};
    }
    auto kind = PdfWordKind::plain;
    auto end = std::min(pdf.find_first_of(ends_of_words, begin), pdf.size());
    const auto rest = pdf.substr(begin);
    if (rest.starts_with('%')) {
        kind = PdfWordKind::comment;
        end = std::min(pdf.find_first_of("\r\n", begin), pdf.size());
    } else if (rest.starts_with('/')) {
        kind = PdfWordKind::name;
        end = std::min(pdf.find_first_of(ends_of_words, begin + 1), pdf.size());
    } else if (rest.starts_with('(')) {
        kind = PdfWordKind::string;
        end = end_of_literal(pdf, begin);
    } else if (rest.starts_with("<<") || rest.starts_with(">>")) {
        kind = PdfWordKind::mark;
        end = begin + 2;
    } else if (rest.starts_with('<')) {
        kind = PdfWordKind::string;
        end = pdf.find('>', begin);
        end += end == std::string_view::npos ? 0 : 1;
    } else if (end == begin) {
        const bool opens_nothing = rest.starts_with(')') || rest.starts_with('>');
        kind = opens_nothing ? PdfWordKind::broken : PdfWordKind::mark;
        end = begin + 1;
    }
    if (end == std::string_view::npos) {
        kind = PdfWordKind::broken;
        end = begin + 1;
    }
    at = end;
    return {kind, pdf.substr(begin, end - begin)};
}

std::string with_plain_names(std::string_view pdf)
{
    std::string result;
    result.reserve(pdf.size());
    for (std::size_t i = 0; i < pdf.size(); ++i) {
        unsigned value = 0;
        const auto digits = pdf.substr(i + 1, pdf[i] == '#' ? 2 : 0);
        const auto* const end = digits.data() + digits.size();
        const bool is_escaped =
            digits.size() == 2 && std::from_chars(digits.data(), end, value, 16).ptr == end;
        result += is_escaped ? static_cast<char>(value) : pdf[i];
        i += is_escaped ? 2 : 0;
    }
    return result;
}

std::string meant_by(std::string_view written)
{
    const auto inside = written.substr(1, written.size() - 2);
    auto bytes = written.starts_with('(') ? literal(inside) : hexadecimal(inside);
    const bool is_big_endian = bytes.starts_with("\xfe\xff");
    return is_big_endian || bytes.starts_with("\xff\xfe") ? from_utf16(bytes, is_big_endian)
                                                          : bytes;
}

} // namespace fiona::anonymize
