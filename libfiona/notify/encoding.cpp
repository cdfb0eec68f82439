// SPDX-License-Identifier: MIT
#include "libfiona/notify/encoding.h"

#include "libfiona/base/base64.h"
#include "libfiona/base/text.h"

#include <fmt/format.h>

#include <algorithm>

namespace fiona::notify {

namespace {

constexpr std::size_t longest_text = 300;
constexpr std::size_t line_length = 76; // RFC 2045 §6.7 and §6.8

bool is_continuation(char byte)
{
    return (static_cast<unsigned char>(byte) & 0xc0U) == 0x80U;
}

bool is_printable(char byte)
{
    return byte >= ' ' && byte <= '~';
}

/// The longest start of `text` of at most `bytes` bytes that does not end within a character.
std::string_view whole_characters(std::string_view text, std::size_t bytes)
{
    if (text.size() <= bytes) {
        return text;
    }
    while (bytes > 0 && is_continuation(text[bytes])) {
        --bytes;
    }
    return text.substr(0, bytes);
}

/// RFC 2047 §2: an encoded word has at most 75 characters, and holds whole characters (§5).
std::string encoded_words(std::string_view text)
{
    constexpr std::size_t bytes_in_a_word = 45; // 60 characters and the frame of 12
    std::string words;
    while (!text.empty()) {
        const auto piece = whole_characters(text, bytes_in_a_word);
        words += fmt::format("{}=?UTF-8?B?{}?=", words.empty() ? "" : "\r\n ", base64(piece));
        text.remove_prefix(piece.size());
    }
    return words;
}

bool is_plain(std::string_view text)
{
    constexpr std::size_t longest_plain = 66; // with its name the line stays under 78
    return text.size() <= longest_plain && std::ranges::all_of(text, is_printable)
           && text.find("=?") == std::string_view::npos;
}

std::string in_quotes(std::string_view text)
{
    std::string result{'"'};
    for (const char c : text) {
        if (c == '"' || c == '\\') {
            result += '\\';
        }
        result += c;
    }
    return result + '"';
}

} // namespace

std::string one_line(std::string_view text)
{
    const bool is_text = is_utf8(text);
    std::string line;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        line += byte < 0x20 || byte == 0x7f ? ' ' : byte >= 0x80 && !is_text ? '?' : c;
    }
    return std::string{trimmed(whole_characters(line, longest_text))};
}

std::string header_text(std::string_view text)
{
    const auto line = one_line(text);
    return is_plain(line) ? line : encoded_words(line);
}

std::string header_phrase(std::string_view text)
{
    const auto line = one_line(text);
    return is_plain(line) ? in_quotes(line) : encoded_words(line);
}

std::string header_parameter(std::string_view name, std::string_view value)
{
    const auto line = one_line(value);
    if (is_plain(line)) {
        return fmt::format(";\r\n {}={}", name, in_quotes(line));
    }
    std::string encoded;
    for (const char c : line) {
        const bool is_safe =
            std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '.' || c == '-' || c == '_';
        encoded += is_safe ? std::string{c} : fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
    return fmt::format(";\r\n {}*=UTF-8''{}", name, encoded);
}

std::string quoted_printable(std::string_view text)
{
    std::string result;
    std::string line;
    const auto end_line = [&] {
        result += line + "\r\n";
        line.clear();
    };
    const auto put = [&](const std::string& piece) {
        if (line.size() + piece.size() > line_length - 1) { // room for the soft break
            line += '=';
            end_line();
        }
        line += piece;
    };
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        const char next = i + 1 < text.size() ? text[i + 1] : '\n';
        if (c == '\r' && next == '\n' && i + 1 < text.size()) {
            continue; // the line feed ends the line
        }
        if (c == '\n' || c == '\r') {
            end_line();
        } else if (is_printable(c) && c != '=' && (c != ' ' || (next != '\n' && next != '\r'))) {
            put(std::string{c});
        } else {
            put(fmt::format("={:02X}", static_cast<unsigned char>(c)));
        }
    }
    if (!line.empty()) {
        end_line();
    }
    return result;
}

std::string base64_lines(std::string_view bytes)
{
    constexpr std::size_t bytes_in_a_line = line_length / 4 * 3;
    std::string lines;
    lines.reserve(bytes.size() / bytes_in_a_line * (line_length + 2) + line_length);
    for (; !bytes.empty(); bytes.remove_prefix(std::min(bytes_in_a_line, bytes.size()))) {
        lines += base64(bytes.substr(0, bytes_in_a_line)) + "\r\n";
    }
    return lines;
}

} // namespace fiona::notify
