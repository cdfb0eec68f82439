// SPDX-License-Identifier: MIT
#include "libfiona/anonymize/charset.h"

#include "libfiona/base/text.h"

#include <algorithm>

namespace fiona::anonymize {

Charset::Charset(std::string_view declared) : m_set{declared}
{
    const auto name = trimmed(declared);
    if (name == "ISO_IR 192") {
        m_kind = Kind::utf8;
    } else if (name == "ISO_IR 100" || name == "ISO 2022 IR 100") {
        m_kind = Kind::latin1;
    }
}

bool is_ascii(std::string_view bytes)
{
    return std::ranges::all_of(bytes, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

void append_utf8(std::string& text, char32_t character)
{
    const auto put = [&](char32_t byte) { text += static_cast<char>(byte); };
    if (character < 0x80) {
        put(character);
    } else if (character < 0x800) {
        put(0xc0U | character >> 6U);
        put(0x80U | (character & 0x3fU));
    } else if (character < 0x10000) {
        put(0xe0U | character >> 12U);
        put(0x80U | (character >> 6U & 0x3fU));
        put(0x80U | (character & 0x3fU));
    } else {
        put(0xf0U | character >> 18U);
        put(0x80U | (character >> 12U & 0x3fU));
        put(0x80U | (character >> 6U & 0x3fU));
        put(0x80U | (character & 0x3fU));
    }
}

CodePoint code_point_at(std::string_view utf8, std::size_t at)
{
    const auto first = static_cast<unsigned char>(utf8[at]);
    const std::size_t length = first < 0xc2   ? 1
                               : first < 0xe0 ? 2
                               : first < 0xf0 ? 3
                               : first < 0xf5 ? 4
                                              : 1;
    if (length == 1 || at + length > utf8.size()) {
        return {first, 1};
    }
    char32_t value = first & (0xffU >> (length + 1));
    for (std::size_t i = 1; i < length; ++i) {
        const auto next = static_cast<unsigned char>(utf8[at + i]);
        if ((next & 0xc0U) != 0x80U) {
            return {first, 1};
        }
        value = value << 6U | (next & 0x3fU);
    }
    return {value, length};
}

std::string utf8_from_latin1(std::string_view bytes)
{
    std::string text;
    text.reserve(bytes.size() + 8);
    for (const char c : bytes) {
        append_utf8(text, static_cast<unsigned char>(c));
    }
    return text;
}

Charset::Text Charset::decode(std::string_view bytes, Vr vr) const
{
    const bool has_escapes = bytes.find('\x1b') != std::string_view::npos;
    if (is_ascii(bytes) && !has_escapes) {
        return {std::string{bytes}, true};
    }
    // The odds that text of another set is legal UTF-8 are small; those of a lie are not.
    if (is_utf8(bytes) && !has_escapes) {
        return {std::string{bytes}, m_kind == Kind::utf8};
    }
    const std::string_view delimiters = vr == Vr{"PN"} ? "\\^=" : is_single_valued(vr) ? "" : "\\";
    auto text = m_set.decode(bytes, delimiters);
    return {std::move(text.utf8), !text.guessed};
}

std::optional<std::string> Charset::encode(std::string_view utf8) const
{
    if (is_ascii(utf8) || m_kind == Kind::utf8) {
        return std::string{utf8};
    }
    if (m_kind != Kind::latin1) {
        return std::nullopt;
    }
    std::string bytes;
    for (std::size_t at = 0; at < utf8.size();) {
        const auto point = code_point_at(utf8, at);
        if (point.value > 0xff) {
            return std::nullopt;
        }
        bytes += static_cast<char>(point.value);
        at += point.bytes;
    }
    return bytes;
}

} // namespace fiona::anonymize
