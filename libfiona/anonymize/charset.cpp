// SPDX-License-Identifier: MIT
#include "libfiona/anonymize/charset.h"

#include "libfiona/base/text.h"

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dcspchrs.h>

#include <algorithm>
#include <utility>

namespace fiona::anonymize {

struct Charset::Converter {
    DcmSpecificCharacterSet set;
};

Charset::Charset(std::string_view declared)
{
    const auto name = trimmed(declared);
    if (name.empty() || name == "ISO_IR 6" || name == "ISO 2022 IR 6") {
        m_kind = Kind::ascii;
    } else if (name == "ISO_IR 192") {
        m_kind = Kind::utf8;
    } else if (name == "ISO_IR 100" || name == "ISO 2022 IR 100") {
        m_kind = Kind::latin1;
    } else {
        m_converter = std::make_unique<Converter>();
        const OFString from{name.data(), name.size()};
        m_kind = m_converter->set.selectCharacterSet(from).good() ? Kind::converted : Kind::unknown;
    }
}

Charset::Charset(Charset&&) noexcept = default;
Charset& Charset::operator=(Charset&&) noexcept = default;
Charset::~Charset() = default;

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

Charset::Text Charset::decode(std::string_view bytes) const
{
    const bool escapes = bytes.find('\x1b') != std::string_view::npos;
    if (is_ascii(bytes) && !(escapes && m_kind == Kind::converted)) {
        return {std::string{bytes}, true};
    }
    if (m_kind == Kind::utf8) {
        return is_utf8(bytes) ? Text{std::string{bytes}, true}
                              : Text{utf8_from_latin1(bytes), false};
    }
    if (m_kind == Kind::converted) {
        OFString converted;
        const bool good =
            m_converter->set.convertString(bytes.data(), bytes.size(), converted, "\\^=").good();
        // The odds that text of another set is legal UTF-8 are small; those of a lie are not.
        if (good && !is_utf8(bytes)) {
            return {std::string{converted.data(), converted.size()}, true};
        }
        if (good && escapes) {
            return {std::string{converted.data(), converted.size()}, true};
        }
    }
    if (is_utf8(bytes)) {
        return {std::string{bytes}, false};
    }
    return {utf8_from_latin1(bytes), m_kind == Kind::latin1};
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
