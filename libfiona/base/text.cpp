// SPDX-License-Identifier: MIT
#include "libfiona/base/text.h"

#include "libfiona/base/number.h"

#include <fmt/format.h>

#include <algorithm>

namespace fiona {

namespace {

/// How many bytes the UTF-8 character at the start of `text` has; 0 if it is not legal
/// (RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF).
std::size_t utf8_length(std::string_view text)
{
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const auto continues = [&](std::size_t i) {
        return i < text.size() && (byte(i) & 0xc0U) == 0x80U;
    };
    const auto first = byte(0);
    if (first < 0x80) {
        return 1;
    }
    if (first >= 0xc2 && first <= 0xdf) {
        return continues(1) ? 2 : 0;
    }
    if (first >= 0xe0 && first <= 0xef) {
        const bool legal = continues(1) && continues(2) && !(first == 0xe0 && byte(1) < 0xa0)
                           && !(first == 0xed && byte(1) >= 0xa0);
        return legal ? 3 : 0;
    }
    if (first >= 0xf0 && first <= 0xf4) {
        const bool legal = continues(1) && continues(2) && continues(3)
                           && !(first == 0xf0 && byte(1) < 0x90)
                           && !(first == 0xf4 && byte(1) >= 0x90);
        return legal ? 4 : 0;
    }
    return 0;
}

/// Takes the bytes of a last, incomplete UTF-8 character away.
void drop_half_character(std::string& text)
{
    constexpr std::size_t longest = 4;
    for (std::size_t bytes = 1; bytes <= std::min(longest, text.size()); ++bytes) {
        const auto lead = static_cast<unsigned char>(text[text.size() - bytes]);
        if ((lead & 0xc0U) == 0x80U) {
            continue; // a later byte of a character
        }
        const std::size_t wanted = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 1;
        if (wanted > bytes) {
            text.resize(text.size() - bytes);
        }
        return;
    }
}

} // namespace

bool is_utf8(std::string_view text)
{
    while (!text.empty()) {
        const auto length = utf8_length(text);
        if (length == 0) {
            return false;
        }
        text.remove_prefix(length);
    }
    return true;
}

std::string_view trimmed(std::string_view text)
{
    constexpr std::string_view blank{" \t\r\n\0", 5};
    const auto first = text.find_first_not_of(blank);
    if (first == std::string_view::npos) {
        return {};
    }
    return text.substr(first, text.find_last_not_of(blank) - first + 1);
}

std::vector<std::string_view> split(std::string_view text, char separator)
{
    std::vector<std::string_view> parts;
    for (;;) {
        const auto at = text.find(separator);
        parts.push_back(text.substr(0, at));
        if (at == std::string_view::npos) {
            return parts;
        }
        text.remove_prefix(at + 1);
    }
}

std::string lower_case(std::string_view text)
{
    std::string result{text};
    for (auto& c : result) {
        if (c >= 'A' && c <= 'Z') {
            c = static_cast<char>(c - 'A' + 'a');
        }
    }
    return result;
}

std::string percent_encoded(std::string_view text, std::size_t max_bytes)
{
    if (text.empty()) {
        return "%";
    }
    std::string result;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const auto byte = static_cast<unsigned char>(text[i]);
        const bool plain = byte > 0x20 && byte != 0x7f && text[i] != '/' && text[i] != '%'
                           && !(i == 0 && text[i] == '.');
        const auto piece = plain ? std::string{text[i]} : fmt::format("%{:02X}", byte);
        if (result.size() + piece.size() > max_bytes) {
            drop_half_character(result);
            break;
        }
        result += piece;
    }
    return result;
}

std::string percent_decoded(std::string_view text)
{
    if (text == "%") {
        return {};
    }
    std::string result;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '%' && i + 3 <= text.size()) {
            if (const auto value = read_number<unsigned>(text.substr(i + 1, 2), 16)) {
                result += static_cast<char>(*value);
                i += 2;
                continue;
            }
        }
        result += text[i];
    }
    return result;
}

} // namespace fiona
